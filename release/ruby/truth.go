package ruby

// Truth is what is known of a condition whose values are not all known.
type Truth int

const (
	No Truth = iota
	Maybe
	Yes
)

// Not is the truth of the opposite.
func (t Truth) Not() Truth { return Yes - t }
