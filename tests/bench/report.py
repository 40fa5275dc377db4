# SPDX-License-Identifier: Apache-2.0
"""Figures as markdown tables."""

# What the daemon is measured against: metric, how, limit. "ms", "KiB" and the like are limits by
# themselves; "x floor" is times the floor, "x NAME" how many times better than that peer.
TARGETS = (
    ("seq/pod to Running, ms", "x floor", 1.5),
    ("seq/full life cycle, ms", "x floor", 1.5),
    ("seq/full life cycle, ms", "x cri-o", 4),
    ("seq/full life cycle, ms", "x containerd", 3),
    ("stop/StopContainer, process obeys TERM, ms", "ms", 5),
    ("query/ListContainers (200), ms", "ms", 0.5),
    ("exec/ExecSync true, ms", "x floor", 1.3),
    ("cold/exec to first answer, ms", "ms", 25),
    ("log/200 MB in writes of 64 kB, MB/s", "MB/s", 400),
    ("log/200 MB in writes of 64 kB: monitor CPU, s", "s", 0.3),
    ("log/200 MB in writes of a line, MB/s", "MB/s", 400),
    ("log/200 MB in writes of a line: monitor CPU, s", "s", 0.3),
    ("mem/daemon RSS idle, KiB", "KiB", 14 * 1024),
    ("mem/daemon RSS with 200 containers, KiB", "KiB", 18 * 1024),
    ("mem/monitors PSS per container, KiB", "KiB", 100),
)
# More cannot be logged than the writer writes: so near to a pipe that nobody logs is near enough.
NEAR_FLOOR = 0.9
NOISE = "noise/"


def number(value):
    if value == 0:
        return "0"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def triple(summary):
    if summary["N"] < 3:
        return f"**{number(summary['Median'])}**"
    return " / ".join((number(summary["Min"]), f"**{number(summary['Median'])}**",
                       number(summary["P99"])))


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def head(*cells):
    return [row(*cells), "|" + "---|" * len(cells)]


def ratio(metric, subject, other):
    """How many times better the subject is; more is better where the unit is a rate."""
    if not subject or not other or not subject["Median"] or not other["Median"]:
        return ""
    value = other["Median"] / subject["Median"]
    return f"{1 / value if metric.endswith('/s') and not metric.endswith('ms/s') else value:.2f}"


def figures(metrics, ours, peers):
    """Each metric: minimum / median / p99 of each subject, and ratios of the medians."""
    rivals = [p for p in peers if p != ours]
    with_ratios = ours in peers
    yield from head("min / **median** / p99", "floor", *peers,
                    *(["times floor", *(f"better than {p}" for p in rivals)] if with_ratios else []))
    for metric, subjects in metrics.items():
        if metric.startswith(NOISE):
            continue
        cells = [triple(subjects[s]) if s in subjects else "" for s in ("floor", *peers)]
        if with_ratios:
            mine, floor = subjects.get(ours), subjects.get("floor")
            cells.append(f"{mine['Median'] / floor['Median']:.2f}" if mine and floor else "")
            cells += [ratio(metric, mine, subjects.get(p)) for p in rivals]
        yield row(metric, *cells)


def judge(subjects, ours, how, limit):
    """What was measured, the best of it, and whether the limit is kept; nothing when it was not
    measured. Of a rate the best is the largest."""
    mine, name = subjects.get(ours), how.removeprefix("x ")
    if not mine or (name != how and name not in subjects):
        return None
    if how == "MB/s":
        floor = subjects.get("floor", {}).get("Median", float("inf"))
        return mine["Median"], mine["Max"], mine["Median"] >= min(limit, NEAR_FLOOR * floor)
    if name == how:
        return mine["Median"], mine["Min"], mine["Median"] <= limit
    other = subjects[name]
    if name == "floor":
        value = mine["Median"] / other["Median"]
        return value, mine["Min"] / other["Min"], value <= limit
    value = other["Median"] / mine["Median"]
    return value, other["Min"] / mine["Min"], value >= limit


def verdicts(metrics, ours):
    yield from head("target", "limit", "measured (medians)", "best", "met")
    for metric, how, limit in TARGETS:
        found = judge(metrics.get(metric, {}), ours, how, limit)
        if not found:
            continue
        value, best, met = found
        more = how == "MB/s" or (how.startswith("x ") and how != "x floor")
        near = f" or {NEAR_FLOOR} x floor" if how == "MB/s" else ""
        yield row(metric, f"{'at least' if more else 'at most'} {limit} {how}{near}",
                  number(value), number(best), "yes" if met else "**no**")


def noise(metrics):
    yield from head("noise (median)", "before", "after")
    for metric, when in metrics.items():
        if metric.startswith(NOISE):
            yield row(metric[len(NOISE):], *(number(when[w]["Median"]) if w in when else ""
                                             for w in ("before", "after")))


def order(name):
    phases = ("seq", "floor", "stop", "exec", "log", "pull", "cold", "conc", "query", "mem", "noise")
    return phases.index(name.split("/")[0])


def markdown(result, ours, peers):
    # Within a phase the order in which the client has measured.
    metrics = {name: result["metrics"][name] for name in sorted(result["metrics"], key=order)}
    parts = [verdicts(metrics, ours), figures(metrics, ours, peers), noise(metrics)]
    text = "\n\n".join("\n".join(part) for part in parts)
    for error in result["errors"] or []:
        text += f"\n\nerror: {error}"
    return text + "\n"
