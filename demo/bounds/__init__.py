"""How much the served app takes, holds and keeps: connections, requests, calls, files, memory."""
