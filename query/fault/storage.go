package fault

// ofStorage maps storage's error classes; nil if err has none.
func ofStorage(err error) *Error { return nil }
