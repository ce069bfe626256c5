"""A wall clock that jumps under the real programs: a year forward, a day back.

libfaketime moves CLOCK_REALTIME of running processes, and nothing else: the offset stands in a file
that they read at each call.
"""

import datetime
import json
import os
import pathlib
import subprocess
import time

import pytest
import requests

import programs

LIBRARY = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
MODELS = programs.ROOT / "tests/fixtures/models"
BODY = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
MIB = 1 << 20
YEAR_S = 365 * 86_400
DAY_S = 86_400

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


class Clock:
    """The wall clock of all programs that run with its environment."""

    def __init__(self, folder):
        self.file = folder / "clock"
        self.offset_s = 0
        self.jump(0)
        self.environment = {
            "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "FAKETIME_DONT_RESET": "1"}

    def jump(self, seconds):
        self.offset_s += seconds
        aside = self.file.with_suffix(".new")
        aside.write_text(f"{self.offset_s:+d}\n")
        aside.rename(self.file)

    def now(self):
        return (datetime.datetime.now(datetime.timezone.utc) +
                datetime.timedelta(seconds=self.offset_s))


class Site:
    """A control centre with a service, under that clock."""

    def __init__(self, centre, clock):
        self.centre = centre
        self.clock = clock
        self.session = requests.Session()
        self.session.headers.update(centre.headers)
        for tag in "ab":
            centre.cli("push", MODELS / f"linear_{tag}.onnx", f"linear:{tag}")
        centre.cli("deploy", "linear:a")

    def infer(self):
        answer = requests.post(f"{self.centre.inference_url}/v2/models/linear/infer", json=BODY,
                               timeout=30)
        assert answer.status_code == 200, answer.text
        return answer

    def api_status(self, token):
        return requests.get(f"{self.centre.api_url}/api/v1/projects/default/services", timeout=30,
                            headers={"Authorization": f"Bearer {token}"}).status_code

    def jump(self, seconds):
        self.clock.jump(seconds)
        self.check_clock()

    def check_clock(self):
        """Both programs come to live in the time of the clock."""
        for url in (self.centre.api_url + "/healthz", self.centre.inference_url + "/v2"):
            def is_of_now(url=url):
                date = requests.get(url, timeout=30).headers["Date"]
                said = datetime.datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")
                said = said.replace(tzinfo=datetime.timezone.utc)
                return abs(said - self.clock.now()) < datetime.timedelta(minutes=10)
            programs.wait_until(is_of_now, f"the time of the clock from {url}")

    def upgrade(self, tag):
        self.centre.cli("upgrade", "linear", f"linear:{tag}")
        self.infer()


@pytest.fixture
def site(start_centre, tmp_path):
    clock = Clock(tmp_path)
    site = Site(start_centre(environment=clock.environment), clock)
    site.check_clock()
    return site


def cpu_ticks(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


@pytest.mark.parametrize("jump_s", [YEAR_S, -DAY_S])
def test_work_goes_on(site, jump_s):
    """Inference, upgrades, an upload and a watch go on; nobody spins."""
    centre = site.centre
    begun = site.session.post(f"{centre.api_url}/v2/default/large/blobs/uploads/", timeout=30)
    location = requests.compat.urljoin(centre.api_url, begun.headers["Location"])
    first = os.urandom(2 * MIB)
    assert site.session.patch(location, data=first, timeout=60).status_code == 202
    url = f"{centre.api_url}/api/v1/projects/default/services"
    after = site.session.get(url, timeout=30).json()["metadata"]["version"]
    serve = json.loads(centre.cli("status", "-o", "json").stdout)["serve"]["pid"]
    with requests.get(f"{url}?watch=1&after={after}", headers=centre.headers, stream=True,
                      timeout=60) as watch:
        assert watch.status_code == 200
        events = watch.iter_lines()
        site.jump(jump_s)
        site.infer()
        site.upgrade("b")
        event = next(line for line in events if line.startswith(b"data:"))
        assert json.loads(event[5:])["metadata"]["name"] == "linear", "the watch went on"

    item = json.loads(centre.cli("get", "service/linear", "-o", "json").stdout)
    assert item["status"]["phase"] == "Ready" and item["status"]["readyRevision"] == 2
    changed = item["status"]["conditions"][0]["changedAt"]
    said = datetime.datetime.fromisoformat(changed.replace("Z", "+00:00"))
    assert abs(said - site.clock.now()) < datetime.timedelta(minutes=10), "the clock's new time"
    # Versions, not times, order what happened: a client of before the jump misses nothing.
    replay = requests.get(f"{url}?watch=1&after={after}", headers=centre.headers, stream=True,
                          timeout=60)
    assert replay.status_code == 200
    replay.close()

    second = os.urandom(MIB)
    rest = site.session.patch(location, data=second, timeout=60,
                              headers={"Content-Range": f"{2 * MIB}-{3 * MIB - 1}"})
    assert rest.status_code == 202, "the upload is there still"
    assert json.loads(centre.cli("status", "-o", "json").stdout)["serve"]["pid"] == serve
    pids = [centre.pid, serve]
    before, begin = cpu_ticks(pids), time.monotonic()
    time.sleep(2)
    seconds = time.monotonic() - begin
    used = (cpu_ticks(pids) - before) / os.sysconf("SC_CLK_TCK")
    assert used < seconds / 2, "an idle program that computes all the time"

    # And back: what it was before is right again.
    site.jump(-jump_s)
    site.upgrade("a")


def test_tokens_expire_by_the_wall_clock(site):
    """After a jump forward they are worthless, after the jump back they are what they were."""
    create = ("token", "create", "--role", "viewer")
    expiring = site.centre.cli(*create, "--expires", "30d").stdout.strip()
    lasting = site.centre.cli(*create).stdout.strip()
    assert site.api_status(expiring) == site.api_status(lasting) == 200
    site.clock.jump(YEAR_S)
    programs.wait_until(lambda: site.api_status(expiring) == 401, "the end of the token")
    assert site.api_status(lasting) == 200
    assert site.api_status(site.centre.token) == 200
    site.clock.jump(-YEAR_S)
    programs.wait_until(lambda: site.api_status(expiring) == 200, "the token's time")
    site.clock.jump(-DAY_S)
    assert site.api_status(lasting) == 200
    made = site.centre.cli(*create, "--expires", "1h").stdout.strip()
    assert site.api_status(made) == 200, "a duration counts from the clock of now"


@pytest.mark.parametrize("jump_s", [YEAR_S, -DAY_S])
def test_a_restart_after_the_jump(site, jump_s):
    """Serve is adopted by the server of another time, and deploys go on."""
    centre = site.centre
    serve = json.loads(centre.cli("status", "-o", "json").stdout)["serve"]["pid"]
    centre.kill()
    site.clock.jump(jump_s)
    site.infer()
    centre.start()
    assert json.loads(centre.cli("status", "-o", "json").stdout)["serve"]["pid"] == serve
    site.upgrade("b")
    before = json.loads(centre.cli("get", "service/linear", "-o", "json").stdout)["metadata"]
    centre.stop()
    site.clock.jump(-jump_s)
    centre.start()
    programs.wait_until(lambda: site.infer().status_code == 200, "the service")
    after = json.loads(centre.cli("get", "service/linear", "-o", "json").stdout)["metadata"]
    assert after["uid"] == before["uid"] and after["version"] >= before["version"]


def test_serve_alone(start_serve, tmp_path):
    clock = Clock(tmp_path)
    plane = start_serve(MODELS / "linear_a.onnx", "--name", "m", environment=clock.environment)
    session = requests.Session()
    for jump_s in (0, YEAR_S, -YEAR_S - DAY_S):
        clock.jump(jump_s)
        for _ in range(50):
            answer = session.post(f"{plane.inference_url}/v2/models/m/infer", json=BODY, timeout=10)
            assert answer.status_code == 200


def test_the_clock_is_faked(tmp_path):
    """Else all of the above would show nothing."""
    clock = Clock(tmp_path)
    clock.jump(YEAR_S)
    for which, offset in ((time.time, YEAR_S), (time.monotonic, 0)):
        before = which()
        code = f"import time; print(time.{which.__name__}())"
        said = subprocess.run(["python3", "-c", code], text=True, capture_output=True, check=True,
                              env={**os.environ, **clock.environment}).stdout
        assert abs(float(said) - before - offset) < 600
