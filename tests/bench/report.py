# SPDX-License-Identifier: Apache-2.0
"""Figures as markdown tables."""

# What the daemon is measured against: metric, limit, and whether it is times the floor.
TARGETS = (
    ("seq/pod to Running, ms", 1.5, True),
    ("seq/full life cycle, ms", 1.5, True),
    ("stop/StopContainer, process obeys TERM, ms", 5, False),
    ("query/ListContainers (200), ms", 0.5, False),
    ("exec/ExecSync true, ms", 1.3, True),
    ("cold/exec to first answer, ms", 25, False),
    ("log/200 MB in writes of 64 kB, MB/s", -400, False),
    ("log/200 MB in writes of 64 kB: monitor CPU, s", 0.3, False),
    ("log/200 MB in writes of a line, MB/s", -400, False),
    ("log/200 MB in writes of a line: monitor CPU, s", 0.3, False),
    ("mem/daemon RSS idle, KiB", 14 * 1024, False),
    ("mem/daemon RSS with 200 containers, KiB", 18 * 1024, False),
    ("mem/monitors PSS per container, KiB", 100, False),
)
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


def verdicts(metrics, ours):
    yield from head("target", "limit", "measured (median)", "best", "met")
    for metric, limit, times in TARGETS:
        subjects = metrics.get(metric, {})
        mine, floor = subjects.get(ours), subjects.get("floor")
        if not mine or (times and not floor):
            continue
        scale = floor["Median"] if times else 1
        value, best = mine["Median"] / scale, mine["Min"] / (floor["Min"] if times else 1)
        if limit < 0:
            best = mine["Max"]
        met = value >= -limit if limit < 0 else value <= limit
        text = f"at least {-limit}" if limit < 0 else f"at most {limit}"
        unit = " x floor" if times else ""
        yield row(metric, text + unit, number(value) + unit, number(best) + unit,
                  "yes" if met else "**no**")


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
