package auth

// Diagnosis says to those who run a server, or build pages for it, why a
// request was refused: three short texts of one or more sentences each. They go
// into the log, and with dev into the answer. So they hold no secret and no
// trait, and of what came with the request only schemes, hosts and names.
type Diagnosis struct {
	// Sent is what arrived.
	Sent string
	// Expected is what should have, with the setting that says so.
	Expected string
	// Change is what to do about it, be it in the configuration, in a page, or
	// in a browser.
	Change string
}

// String is the diagnosis as one text.
func (d Diagnosis) String() string {
	return "Sent: " + d.Sent + " Expected: " + d.Expected + " Change: " + d.Change
}

// Explain returns a copy that has a diagnosis.
func (e *Error) Explain(d Diagnosis) *Error {
	c := *e
	c.diagnosis = &d
	return &c
}

// Diagnosis is why the error came about; nil where it explains itself.
func (e *Error) Diagnosis() *Diagnosis { return e.diagnosis }

// Debugged returns a copy that tells its diagnosis to whoever gets the answer,
// for development.
func (e *Error) Debugged() *Error {
	c := *e
	if e.diagnosis != nil {
		c.Debug = e.diagnosis.String()
	}
	return &c
}
