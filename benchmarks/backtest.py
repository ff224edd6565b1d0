"""The core without servers: decoding, detection, the fold, and a backtest of a file."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from benchmarks.escalation_throughput import messages
from benchmarks.packets import packet_us
from benchmarks.report import Report
from workers.contracts.codec import Raw, decode_event
from workers.contracts.decisions import Home
from workers.contracts.events import Message
from workers.contracts.signing import Secrets
from workers.contracts.topics import EVENTS
from workers.conversation.fold import Incoming, fold_chunk
from workers.conversation.partition_meta import starting_meta
from workers.data import data_path
from workers.detection import read_agent, read_customer
from workers.replay.conversation_cache import MEMORY

_CHUNK = 500
_LONG_MEMORY = 128 << 20


def core(report: Report, quick: bool) -> None:
    """µs per message of each step, over the same messages."""
    rows = messages(5_000 if quick else 20_000)
    now = int(time.time() * 1000)
    raws = [Raw(key, value, (), now + n) for n, (key, value) in enumerate(rows)]
    log = [Incoming(n, r.timestamp_ms, decode_event(r, Secrets()), r) for n, r in enumerate(raws)]
    events = [one.event for one in log if type(one.event) is Message]
    customers = [e.content or "" for e in events if e.role == "customer"]
    agents = [e.content or "" for e in events if e.role == "ai_agent"]
    for _ in range(3 if quick else 9):
        started = time.process_time()
        for raw in raws:
            decode_event(raw, Secrets())
        _add(report, "decode", started, len(raws))
        started = time.process_time()
        for text in customers:
            read_customer(text, answering=False)
        _add(report, "detection, customer", started, len(customers))
        started = time.process_time()
        for text in agents:
            read_agent(text)
        _add(report, "detection, AI agent", started, len(agents))
        started = time.process_time()
        outputs = fold_log(log)
        _add(report, "fold, detection included", started, len(log))
        for turns in (1, 20, 200):
            report.add(f"packet of {turns} turns", "one core", "CPU µs/packet", packet_us(turns))
        report.add("outputs of the fold", "per 1,000 messages", "", 1000 * outputs / len(log))


def _add(report: Report, case: str, started: float, count: int) -> None:
    report.add(case, "one core", "CPU µs/message", 1e6 * (time.process_time() - started) / count)


def fold_log(log: Sequence[Incoming]) -> int:
    meta = starting_meta((data_path("policies") / "default.yaml").read_text(encoding="utf-8"))
    home = Home(topic=EVENTS, partition=0)
    states: dict[str, bytes | None] = {}
    outputs = 0
    for start in range(0, len(log), _CHUNK):
        folded = fold_chunk(log[start : start + _CHUNK], states, {}, meta, home)
        states |= {name: change.blob for name, change in folded.changes.items()}
        meta = folded.meta
        outputs += len(folded.outputs)
    return outputs


def run(report: Report, quick: bool) -> None:
    """`handoff replay` of one file by one process and by one per core; memory by conversations."""
    total = 40_000 if quick else 200_000
    with TemporaryDirectory(prefix="handoff-bench-") as folder:
        file = _file(Path(folder), total, total // 10)
        for _ in range(1 if quick else 3):
            for processes in (1, 2):
                seconds, cpu, _ = _replay(file, processes)
                case = f"processes: {processes}"
                report.add(case, "backtest", "messages/s", total / seconds)
                report.add(case, "CPU", "µs/message", 1e6 * cpu / total)
        report.ratio("processes: 2", "processes: 1", "backtest")
        for conversations in (total // 100, total // 10, total // 2):
            file = _file(Path(folder), total, conversations)
            _, _, peak = _replay(file, 1)
            case = f"{total:,} messages, {conversations:,} conversations"
            report.add(case, "peak", "MB", peak)


def long(report: Report, quick: bool, total: int = 2_000_000) -> None:
    """A backtest of more conversations than it keeps in memory: its speed per core, and its peak.

    It keeps `_LONG_MEMORY` of conversations; the interpreter and the models come on top.
    """
    total = 100_000 if quick else total
    with TemporaryDirectory() as folder:
        file = _long_file(Path(folder) / "long.jsonl", total)
        for processes in (1, 2):
            seconds, cpu, peak = _replay(file, processes, _LONG_MEMORY)
            case = f"{total:,} messages, processes: {processes}"
            report.add(case, "backtest", "messages/s per core", total / seconds / processes)
            report.add(case, "CPU", "µs/message", 1e6 * cpu / total)
            report.add(case, "peak of the largest process", "MB", peak)


def _long_file(path: Path, total: int) -> Path:
    """The same messages again and again, each time of other conversations."""
    rows = messages(min(total, 50_000))
    with path.open("wb") as out:
        for round_ in range(total // len(rows)):
            for key, value in rows:
                out.write(value.replace(key, b"%d-%b" % (round_, key)) + b"\n")
    return path


def _file(folder: Path, total: int, conversations: int) -> Path:
    """The log as a file; one name stands for another so that there are so many conversations."""
    path = folder / f"{conversations}.jsonl"
    with path.open("wb") as out:
        for number, (key, value) in enumerate(messages(total)):
            # Neighbours stay neighbours: conversations begin, go on for a while and end.
            group = number * conversations // total // 20 * 20
            name = f"talk-{min(conversations - 1, group + crc32(key) % 20)}"
            out.write(value.replace(key, name.encode()) + b"\n")
    return path


def _replay(file: Path, processes: int, memory: int = MEMORY) -> tuple[float, float, float]:
    arguments = (str(file), str(processes), str(memory))
    command = [sys.executable, "-m", "benchmarks.contenders", "replay", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    seconds, cpu, peak = json.loads(done.stdout)
    return seconds, cpu, peak
