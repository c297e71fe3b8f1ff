"""The parts of the benchmarks that can be wrong without a server: what is counted, judged, drawn, and relayed."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import chart, report, requests, targets
from bench.__main__ import BEGIN, BETWEEN_BEGIN, BETWEEN_END, DOORS_BEGIN, DOORS_END, END, PAGE, completed, merged
from bench.clients import CLIENTS
from bench.measure import Samples
from bench.peers import OURS, REQUIREMENTS, ROOT
from bench.works import WORKS

SMALL = WORKS[0]
OURS_LABEL = SMALL.contenders[0].label


def samples(**cpu: list[float]) -> Samples:
    """Return what contenders took in each round to PUT, by label."""
    made = Samples(SMALL, dict(SMALL.task))
    for turn in zip(*cpu.values(), strict=True):
        steps = [{"step": "PUT", "cpu": value, "wall": 2 * value, "peak": 50 << 20, "idle": 40 << 20} for value in turn]
        made.rounds.append({label: [step] for label, step in zip(cpu, steps, strict=True)})
    return made


@pytest.mark.parametrize(
    ("line", "name", "billed"),
    [
        ("PUT /assets/a HTTP/1.1", "PutObject", (1, 0)),
        ("PUT /assets/a?partNumber=1&uploadId=x HTTP/1.1", "UploadPart", (1, 0)),
        ("POST /assets/a?uploads HTTP/1.1", "CreateMultipartUpload", (1, 0)),
        ("POST /assets/a?uploadId=x HTTP/1.1", "CompleteMultipartUpload", (1, 0)),
        ("DELETE /assets/a?uploadId=x HTTP/1.1", "AbortMultipartUpload", (0, 0)),
        ("POST /assets?delete= HTTP/1.1", "DeleteObjects", (0, 0)),
        ("DELETE /assets/a HTTP/1.1", "DeleteObject", (0, 0)),
        ("GET /assets/?list-type=2&prefix=a%2F HTTP/1.1", "ListObjects", (1, 0)),
        ("GET /assets/a/b HTTP/1.1", "GetObject", (0, 1)),
        ("HEAD /assets/a HTTP/1.1", "HeadObject", (0, 1)),
        ("HEAD /assets HTTP/1.1", "HeadBucket", (0, 1)),
    ],
)
def test_requests_are_billed_as_r2_bills_them(line: str, name: str, billed: tuple[int, int]) -> None:
    """Each request has its class, and deletions are free."""
    counted = requests.tally(line + "\n", 1)
    assert (name, *billed) == (requests.name_of(line), counted["class_a"], counted["class_b"])


def test_every_contender_has_a_client_and_every_base_and_target_takes_part() -> None:
    """No name in the list of works or of targets is mistyped."""
    assert CLIENTS.keys() == {*OURS, *REQUIREMENTS}
    for work in WORKS:
        assert set() == {each.client for each in work.contenders} - CLIENTS.keys()
        assert set() == {*work.bases} - {each.label for each in work.contenders}
    for target in targets.TARGETS:
        found = [work for work in WORKS if re.fullmatch(target.work, work.name)]
        assert found
        for work in found:
            assert set() == {target.contender, *target.bases} - {each.label for each in work.contenders}


def test_ratios_are_of_the_same_round() -> None:
    """A round in which the machine was slow for both changes nothing."""
    row = report.tables(samples(**{OURS_LABEL: [2.0, 30.0, 4.0], "obstore": [1.0, 10.0, 1.0]}), {})[0]["rows"][0]
    assert (2.0, 3.0, 4.0) == (row["ratio_min"], row["ratio_median"], row["ratio_max"])


def test_a_target_that_is_missed_is_shown_as_missed() -> None:
    """The table says no, in bold."""
    missed = targets.judged([samples(**{OURS_LABEL: [2.0], "obstore": [1.0], "boto3": [20.0]})])
    assert [False, True] == [row["reached"] for row in missed]
    results = {"machine": [], "left_out": [], "failures": [], "targets": missed, "tables": []}
    assert report.markdown(results).count("**no**") == 1


def test_the_table_of_a_script_is_judged_by_its_medians() -> None:
    """A ratio is that of the row where its base is the target's, a difference is in the target's unit."""
    span = {"ratio_min": 0.01, "ratio_median": 0.03, "ratio_max": 0.05}
    rows = [
        {"work": "w", "contender": "boto3", "base": "boto3", "measure": "cpu", "cpu": 1.0},
        {"work": "w", "contender": "assetstore presign", "base": "boto3", "measure": "cpu", "cpu": 0.02, **span},
        {"work": "w", "contender": "bare Python", "base": "bare Python", "measure": "cpu", "cpu": 0.020},
        {"work": "w", "contender": "assetstore --help", "base": "bare Python", "measure": "cpu", "cpu": 0.100},
    ]
    presign, start = targets.judged_scripts([{"title": "both", "rows": rows}])
    assert (0.01, 0.03, 0.05, True) == (*(presign[name] for name in span), presign["reached"])
    assert (80, False) == (round(start["ratio_median"], 6), start["reached"])


def test_a_script_may_leave_out_what_its_ratios_are_of() -> None:
    """They are of wall clock then, to the first contender of the same work."""
    span = {"ratio_min": 1.0, "ratio_median": 1.2, "ratio_max": 1.9}
    both = [("cp and sync -f", 1.0), ("assetstore upload", 1.2)]
    rows: list[report.Row] = [{"work": "1 GiB", "contender": name, "wall": wall, "cpu": wall, **span} for name, wall in both]
    (row,) = targets.judged_scripts([completed({"title": "local", "rows": rows})])
    assert ("wall", "cp and sync -f", 1.9, True) == (row["measure"], row["base"], row["ratio_max"], row["reached"])


def test_the_page_has_a_part_for_what_stores_do_one_for_doors_and_one_for_what_goes_on_between_two() -> None:
    """Each run writes between marks of its own, which stand once and in order."""
    page = PAGE.read_text()
    marks = (BEGIN, END, DOORS_BEGIN, DOORS_END, BETWEEN_BEGIN, BETWEEN_END)
    assert sorted(map(page.find, marks)) == [page.find(mark) for mark in marks]
    assert [1] * 6 == [page.count(mark) for mark in marks]


def test_what_a_later_run_measured_replaces_what_an_earlier_did() -> None:
    """A long run may be done in parts, and a part again; the machines and versions of all are named."""

    def results(*titles: str, version: int) -> dict[str, Any]:
        rows = [{"work": title, "version": version} for title in titles]
        tables = [{"title": title, "rows": rows} for title in titles]
        return {"machine": [str(version)], "left_out": [], "failures": [], "targets": rows, "tables": tables}

    found = merged(results("a", "b", version=1), results("b", "c", version=2))
    assert (["1", "2"], [("a", 1), ("b", 2), ("c", 2)]) == (
        found["machine"],
        [(row["work"], row["version"]) for row in found["targets"]],
    )
    assert ["a", "b", "c"] == [table["title"] for table in found["tables"]]


def test_the_picture_has_a_dot_for_each_contender() -> None:
    """The best peer's is at 1, and where assetstore costs more, it is further to the right."""
    tables = report.tables(samples(**{OURS_LABEL: [2.0], "obstore": [1.0], "boto3": [8.0]}), {})
    dots = ElementTree.fromstring(chart.svg(tables)).findall(".//{*}circle[{*}title]")
    x = {str(dot[0].text).partition(":")[0]: float(dot.attrib["cx"]) for dot in dots}
    assert ["obstore", OURS_LABEL, "boto3"] == sorted(x, key=lambda name: x[name])


@contextmanager
def echo() -> Iterator[str]:
    """Run a server that answers each connection with what it sent; yield HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(1 << 16):
                    connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield "{}:{}".format(*listener.getsockname())
        thread.join()


def test_the_relay_changes_nothing_and_logs_each_request(tmp_path: Path) -> None:
    """However the bytes are cut, each request is logged once, all bytes arrive and are counted, and so does the end."""
    body = b"GET /of/the/body HTTP/1.1\r\n\r\n" * 10_000
    first = b"PUT /assets/a HTTP/1.1\r\nhost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    sent = first + b"GET /assets/a HTTP/1.1\r\n\r\n" + b"HEAD /assets/a HTTP/1.1\r\n\r\n"
    log = tmp_path / "log"
    with echo() as server:
        options = [server, "--delay", "0.001", "--rate", "1e9", "--log", str(log)]
        command = [sys.executable, "-m", "bench.network", *options]
        with subprocess.Popen(command, cwd=ROOT / "benchmarks", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as relay:
            assert relay.stdin
            assert relay.stdout
            with socket.create_connection(("127.0.0.1", int(relay.stdout.readline()))) as client:
                sender = threading.Thread(target=client.sendall, args=[sent])
                sender.start()
                with client.makefile("rb") as file:
                    assert sent == file.read(len(sent))
                    sender.join()
                    client.shutdown(socket.SHUT_WR)
                    assert file.read() == b""
            relay.stdin.close()
    lines = log.read_text().splitlines()
    requested = [line for line in lines if line[0] != "<"]
    assert ["PUT /assets/a HTTP/1.1", "GET /assets/a HTTP/1.1", "HEAD /assets/a HTTP/1.1"] == requested
    assert len(sent) == sum(int(line[2:]) for line in lines if line[0] == "<")
