"""What the hub serves over HTTP: the webhook, probes, metrics and a read-only API. It decides nothing.

`server` binds; `webhook`, `probes`, `scrape` and `api.routes` give routes; `answers` is the one shape of
answers and errors, JSON throughout. What they need of the hub comes in as callables or as `api.provider`;
`provider` alone knows the Hub, and gives both.

Contract: one `AppRunner` in the hub's loop. No handler holds the loop for long: what grows with the fleet is
encoded in a thread, from frozen values taken on the loop. No answer, and no error, quotes a request's body, a
credential or a manifest's value.
"""
