"""What the Functions host does for the app: timers, queues and HTTP, without the .NET host."""
