// Reads {tables, queries} as JSON from standard input, {column: type} by table and KQL by name;
// answers, by name, what Microsoft's own analyzer has to say of each query.
const path = require("path");
const LANGUAGE = path.join(__dirname, "../node/node_modules/@kusto/language-service-next");
require(path.join(LANGUAGE, "bridge.min.js"));
require(path.join(LANGUAGE, "Kusto.Language.Bridge.min.js"));

const { GlobalState, KustoCode, Symbols, Syntax } = globalThis.Kusto.Language;

function globalsOf(tables) {
  const symbols = Object.entries(tables).map(([name, columns]) => {
    const listed = Object.entries(columns).map(([column, type]) => `['${column}']: ${type}`);
    return Symbols.TableSymbol.From(`(${listed.join(", ")})`).WithName(name);
  });
  const members = globalThis.System.Array.init(symbols, Symbols.Symbol);
  const database = new Symbols.DatabaseSymbol.$ctor3("workspace", null, members, false);
  return GlobalState.Default.WithDatabase(database);
}

function listOf(found) {
  return Array.from({ length: found.Count }, (_, i) => found.getItem(i));
}

function* nodesOf(node) {
  yield node;
  for (let i = 0; i < node.ChildCount; i += 1) {
    const child = node.GetChild(i);
    if (child) yield* nodesOf(child);
  }
}

// What the analyzer accepts and Log Analytics, or whoever wrote it, would not.
function* overlooked(code) {
  if (code.Kind !== "Query") {
    yield { code: "NOT_A_QUERY", message: `This is a ${code.Kind}, not a query.`, start: 0 };
    return;
  }
  if (!code.ResultType || code.ResultType.Name === "unknown") {
    yield { code: "NO_RESULT", message: "The query has no result.", start: 0 };
  }
  for (const node of nodesOf(code.Syntax)) {
    if (node instanceof Syntax.SimpleNamedExpression && isJudged(node)) {
      const message = "The condition names a value (=) where it should compare (==).";
      yield { code: "NAMED_CONDITION", message, start: node.TextStart };
    }
  }
}

// As the condition of a filter, or as the argument of a function such as countif.
function isJudged(node) {
  const list = node.Parent?.Parent?.Parent;
  return node.NameInParent === "Condition" || list instanceof Syntax.ExpressionList;
}

function analyzed(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const told = listOf(code.GetDiagnostics()).map((one) => ({
    code: one.Code,
    message: one.Message,
    start: one.Start,
  }));
  const columns = code.ResultType && code.ResultType.Columns ? listOf(code.ResultType.Columns) : [];
  return {
    diagnostics: [...told, ...overlooked(code)],
    columns: columns.map((column) => [column.Name, column.Type.Name]),
  };
}

function answer(asked) {
  const globals = globalsOf(asked.tables);
  const named = Object.entries(asked.queries).map(([name, text]) => [name, analyzed(text, globals)]);
  return Object.fromEntries(named);
}

let input = "";
process.stdin.on("data", (part) => (input += part));
process.stdin.on("end", () => process.stdout.write(JSON.stringify(answer(JSON.parse(input)))));
