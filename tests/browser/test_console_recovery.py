"""A page that is left open comes back by itself, whatever went away."""

import time
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.support.console_process import ConsoleProcess, ConsoleSystem

_AWAY_S = 10


def test_it_goes_on_after_the_broker_was_away(visit: Visit, system: ConsoleSystem) -> None:
    system.staff("tier_2_support")
    page = visit(system.open.address)
    expect(page.locator("#now-state")).to_have_text("Live")
    system.kafka.down()
    gone = time.monotonic()
    try:
        expect(page.locator("#now-state")).to_contain_text("Kafka does not answer since")
        time.sleep(max(0, gone + _AWAY_S - time.monotonic()))
    finally:
        system.kafka.up()
    expect(page.locator("#now-state")).to_have_text("Live")
    system.staff("tier_2_support")
    system.say("after-broker", "Can I talk to a human about the storm?")
    expect(page.locator("#now-recent")).to_contain_text("about the storm")


def test_a_page_whose_first_connection_failed_connects_by_itself(
    visit: Visit, system: ConsoleSystem
) -> None:
    failed: list[str] = []

    def fail_twice(route: Route) -> None:
        if len(failed) == 2:
            route.continue_()
        else:
            failed.append(route.request.url)
            route.abort()

    page = visit(f"{system.open.address}/policy", but="ERR_FAILED|Failed to fetch")
    page.route("**/stream/now", fail_twice)
    page.goto(system.open.address)
    expect(page.locator("#now-state")).to_contain_text("The console does not answer")
    expect(page.locator("#now-state")).to_have_text("Live")
    system.staff("tier_2_support")
    system.say("after-failure", "Can I talk to a human about the sleet?")
    expect(page.locator("#now-recent")).to_contain_text("about the sleet")
    assert len(failed) == 2


def test_it_goes_on_after_its_file_was_deleted(visit: Visit, system: ConsoleSystem) -> None:
    system.staff("tier_2_support")
    system.say("before-file", "Can I talk to a human about the hail?")
    page = visit(system.open.address)
    expect(page.locator("#now-recent")).to_contain_text("about the hail")
    files = list(system.open.data.iterdir())
    assert files
    for file in files:
        file.unlink()
    system.say("after-file", "Can I talk to a human about the fog?")
    expect(page.locator("#now-recent")).to_contain_text("about the fog")
    expect(page.locator("#now-recent")).to_contain_text("about the hail")
    assert {file.name for file in files} <= {file.name for file in system.open.data.iterdir()}


def test_it_goes_on_after_the_console_was_away(
    visit: Visit, system: ConsoleSystem, tmp_path: Path
) -> None:
    with ConsoleProcess(system.environment, tmp_path) as console:
        port = console.address.rpartition(":")[2]
        page = visit(console.address, but="ERR_|Failed to fetch|sse:error")
        expect(page.locator("#now-state")).to_have_text("Live")
    assert console.exit_code == 0, console.log
    assert "ERROR" not in console.log
    expect(page.locator("#now-state")).to_contain_text("The console does not answer")
    system.staff("tier_2_support")
    system.say("after-console", "Can I talk to a human about the frost?")
    with ConsoleProcess(system.environment, tmp_path, port=port):
        expect(page.locator("#now-recent")).to_contain_text("about the frost")
        expect(page.locator("#now-state")).to_have_text("Live")
