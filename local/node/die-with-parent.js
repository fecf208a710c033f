// Preloaded into Azurite: whoever started it holds the other end of standard input, which closes
// when that process ends, however it ends. SIGTERM lets Azurite save its data first.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")).resume();
// Waiting for that end must not itself keep Azurite alive.
process.stdin.unref();
