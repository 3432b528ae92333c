"""The endpoints, one file a noun. Each handler reads an ask, calls the door or one service, returns a shape."""
