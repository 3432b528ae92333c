"""Files: each format has a small writer of ours that turns released shapes into bytes. None sees a row or a query."""
