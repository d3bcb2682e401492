package edge

import (
	"encoding/json"
	"net/http"
	"sync"
)

// Health knows which components make the program ready.
type Health struct {
	mu         sync.Mutex
	components []component
	draining   bool
}

// component is one part that has to work; check returns why it does not.
type component struct {
	name  string
	check func() error
}

// Readiness is what /readyz answers.
type Readiness struct {
	Ready      bool        `json:"ready"`
	Components []Component `json:"components"`
}

// Component is one line of the answer.
type Component struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"` // why not
}

// NewHealth has no components yet.
func NewHealth() *Health { return &Health{} }

// Add names a component. check is called for every question, from any
// goroutine; it must return at once, nil when the component is ready.
func (h *Health) Add(name string, check func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.components = append(h.components, component{name, check})
}

// Drain makes the program not ready for good: it is stopping.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining = true
}

// Readiness asks every component.
func (h *Health) Readiness() Readiness {
	h.mu.Lock()
	components, draining := h.components, h.draining
	h.mu.Unlock()
	answer := Readiness{Ready: !draining, Components: []Component{}}
	if draining {
		answer.Components = append(answer.Components, Component{Name: "listeners", Reason: "stopping"})
	}
	for _, c := range components {
		state := Component{Name: c.name, Ready: true}
		if err := c.check(); err != nil {
			state.Ready, state.Reason, answer.Ready = false, err.Error(), false
		}
		answer.Components = append(answer.Components, state)
	}
	return answer
}

// Live answers /livez: the process handles requests.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Write([]byte("{\"live\":true}\n"))
}

// Ready answers /readyz: 200 when every component is ready, 503 with the
// reasons otherwise.
func (h *Health) Ready(w http.ResponseWriter, _ *http.Request) {
	answer := h.Readiness()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(answer)
}
