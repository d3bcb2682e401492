package ingest

// What doors need that speak of series and streams with labels, answer for
// each kind of record, and take exemplars without points.

// MaxAttributes is how many attributes a record may have; a door need not keep
// more than one beyond.
func (in *intake) MaxAttributes() int { return in.quota.Limits().Attributes }

// Accepted is how many records have been taken so far.
func (in *intake) Accepted() int { return in.result.Accepted }

// Reject counts the next record as rejected: the door found r wrong with it, as
// text says.
func (in *intake) Reject(r Reason, text string) {
	f := in.next()
	if f.reason == "" {
		f = fault{reason: r, text: text}
	}
	in.count(f)
}

// AddExemplar takes one exemplar of the series with the attributes of p that
// was sent without its point, and says whether it did. Like the exemplars of
// points it is not a record: when left out it is told as a warning.
func (in *PointIntake) AddExemplar(p *Point, e *Exemplar) bool {
	f := in.exemplarAlone(p, e)
	if f.reason == "" {
		return true
	}
	if in.exemplarsLeftOut++; in.exemplarsLeftOut == 1 {
		in.exemplarFault = f
	}
	return false
}

func (in *PointIntake) exemplarAlone(p *Point, e *Exemplar) fault {
	switch {
	case in.resourceFault.reason != "":
		return in.resourceFault
	case in.deepFault.reason != "":
		return in.deepFault
	}
	if f := in.exemplar(e); f.reason != "" {
		return f
	}
	at := Point{Time: e.Time, Attributes: p.Attributes}
	if f := in.enter(&at); f.reason != "" {
		return f
	}
	p.Attributes = at.Attributes
	fp, f := in.fingerprint(&at)
	if f.reason == "" {
		in.batch.Exemplar(fp, in.name, &e.Exemplar)
	}
	return f
}
