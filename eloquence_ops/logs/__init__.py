"""Many logs as one stream: where lines come from, what they say, and in which order they happened.

```
sources ─▶ lines ─▶ formats, traces ─▶ entries ─▶ merge ─▶ choosing ─▶ output
(effects)          (pure)                        (pure)   (pure)      (pure; printing is the CLI's)
```
"""
