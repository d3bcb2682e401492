package nativejson

// Status is the answer about the server.
type Status struct {
	Product string       `json:"product"`
	Version string       `json:"version"`
	Ready   bool         `json:"ready"`
	Engine  EngineStatus `json:"engine"`
	Time    string       `json:"time"`
}

// EngineStatus is how the database is.
type EngineStatus struct {
	State   string `json:"state"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
}
