package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bosh-bpmify/bosh-bpmify/release"
	"github.com/bosh-bpmify/bosh-bpmify/release/convert"
	"github.com/bosh-bpmify/bosh-bpmify/release/render"
	"github.com/bosh-bpmify/bosh-bpmify/release/source"
	"github.com/bosh-bpmify/bosh-bpmify/release/verify"
	verifyreport "github.com/bosh-bpmify/bosh-bpmify/release/verify/report"
)

// noVerifyVariable switches the proof off where it is set, for those who never
// want the ERB of a release executed.
const noVerifyVariable = "BOSH_BPMIFY_NO_VERIFY"

// proof is what running jobs as they were and as they would be came to.
type proof struct {
	jobs map[string]*proved
	// none says why nothing was run; "" where it was.
	none string
}

// proved is the proof of one job.
type proved struct {
	*verify.Job
	// usual says what differed in the usual form; "" where nothing did. form is the
	// plainer one that was taken instead.
	usual string
	form  convert.Plainer
	// declined says that the job stays as it is because of its proof.
	declined bool
}

// word says in a word what became of the proof of a job; "-" where there was none.
func (p *proof) word(job string) string {
	switch j := p.of(job); {
	case j == nil || j.idle():
		return "-"
	case j.declined && j.usual != "", j.Status == verify.Unexplained:
		return "failed"
	case j.Status == verify.NotRun:
		return "not proven"
	case slices.ContainsFunc(j.Differences, func(d verify.Difference) bool { return d.Rule == "" }):
		return "explained"
	}
	return "proven"
}

// of is the proof of a job; nil where there is none.
func (p *proof) of(job string) *proved {
	if p == nil {
		return nil
	}
	return p.jobs[job]
}

// idle says that there was nothing to compare: monit starts no process of the job.
func (j *proved) idle() bool {
	return j.Status != verify.NotRun && j.Compared+len(j.Differences) == 0
}

// differs counts the differences, but for those that every conversion has.
func (j *proved) differs() string {
	n := 0
	for _, d := range j.Differences {
		if d.Rule == "" {
			n++
		}
	}
	if n == 0 {
		return "no difference"
	}
	return plural(n, "difference") + " explained"
}

// failed says whether a job is not proven.
func (p *proof) failed() bool {
	for _, j := range p.jobs {
		if j.declined || j.Status == verify.NotRun {
			return true
		}
	}
	return false
}

// line counts the jobs, for the end of the report; "" where none was proven.
func (p *proof) line() string {
	if p == nil {
		return ""
	}
	if p.none != "" {
		return "Not proven: " + p.none + "."
	}
	fine, wrappers, hooks, open, declined := 0, 0, 0, 0, 0
	for name, j := range p.jobs {
		switch p.word(name) {
		case "-":
		case "failed":
			declined++
		case "not proven":
			open++
		default:
			fine++
			switch {
			case j.form.Wrapper != "":
				wrappers++
			case j.form.EveryStart:
				hooks++
			}
		}
	}
	if fine+open+declined == 0 {
		return ""
	}
	text := plural(fine, "job") + " proven"
	var plainer []string
	if wrappers > 0 {
		plainer = append(plainer, fmt.Sprintf("%d as wrapper", wrappers))
	}
	if hooks > 0 {
		plainer = append(plainer, fmt.Sprintf("%d with the set-up at every start", hooks))
	}
	if len(plainer) > 0 {
		text += " (" + strings.Join(plainer, ", ") + ")"
	}
	if open > 0 {
		text += fmt.Sprintf(", %d not proven", open)
	}
	if declined > 0 {
		text += fmt.Sprintf(", %d declined because the proof failed", declined)
	}
	return text + "."
}

// converted are the jobs of a plan that it converts.
func converted(plan *convert.Plan, among func(name string) bool) []string {
	var names []string
	for _, c := range plan.Jobs {
		if (c.Verdict == convert.Converted || c.Verdict == convert.ConvertedReview) && (among == nil || among(c.Job.Name)) {
			names = append(names, c.Job.Name)
		}
	}
	return names
}

// prover proves the plans of a release.
type prover struct {
	release  *release.Release
	opts     convert.Options
	renderer *render.Renderer
	progress func(job string, n, of int)
}

// prove runs the start path of each job of a plan as it was and as it would be.
// Those that differ in a way that nothing explains are converted in plainer
// forms, and stay as they are where these differ as well. With required,
// those that could not be run stay, too.
func prove(r *release.Release, plan *convert.Plan, opts convert.Options, required bool, progress func(job string, n, of int)) (*convert.Plan, *proof, error) {
	names := converted(plan, nil)
	if len(names) == 0 {
		return plan, nil, nil
	}
	renderer, err := render.New()
	if err != nil {
		if required {
			return nil, nil, err
		}
		why := err.Error()
		if errors.Is(err, render.ErrNoRuby) {
			why = "ruby is not installed"
		}
		return plan, &proof{none: why}, nil
	}
	defer renderer.Close()
	v := &prover{r, opts, renderer, progress}
	jobs, err := v.run(plan, opts, names)
	if err != nil {
		if required {
			return nil, nil, err
		}
		return plan, &proof{none: err.Error()}, nil
	}
	p := &proof{jobs: jobs}
	opts.Plainer, opts.Unproven = map[string]convert.Plainer{}, map[string]source.Diagnostic{}
	if plan, err = v.plainer(plan, p, &opts); err != nil {
		return nil, nil, err
	}
	for name, j := range jobs {
		if required && j.Status == verify.NotRun {
			j.declined = true
			opts.Unproven[name] = source.Diagnostic{ID: "not-proven", Severity: source.Error, Span: source.Span{File: r.Job(name).Monit}, Message: "the old and the new job could not be run side by side: " + j.Why}
		}
	}
	if len(opts.Unproven) > 0 {
		plan, err = convert.Release(r, opts)
	}
	return plan, p, err
}

// run compares jobs of a plan with what they were.
func (v *prover) run(plan *convert.Plan, opts convert.Options, names []string) (map[string]*proved, error) {
	after, err := v.release.With(plan.Files())
	if err != nil {
		return nil, err
	}
	verifier := &verify.Verifier{Renderer: v.renderer, On: opts.DropFlag, Progress: v.progress}
	result, err := verifier.Release(v.release, after, plan, names)
	if err != nil {
		return nil, err
	}
	jobs := map[string]*proved{}
	for _, j := range result.Jobs {
		jobs[j.Name] = &proved{Job: j}
	}
	return jobs, nil
}

// plainer converts the jobs whose proof failed in plainer forms until one is proven,
// and leaves those as they are of which none is.
func (v *prover) plainer(plan *convert.Plan, p *proof, opts *convert.Options) (*convert.Plan, error) {
	forms := map[string][]convert.Plainer{}
	for name, j := range p.jobs {
		if j.Status == verify.Unexplained {
			j.usual = first(j.Job)
			forms[name] = plainerForms(j.Job)
		}
	}
	for len(forms) > 0 {
		for name := range forms {
			opts.Plainer[name] = forms[name][0]
			forms[name] = forms[name][1:]
		}
		tried, err := convert.Release(v.release, *opts)
		if err != nil {
			return nil, err
		}
		names := converted(tried, func(name string) bool { return forms[name] != nil && !sameChanges(plan, tried, name) })
		jobs := map[string]*proved{}
		if len(names) > 0 {
			if jobs, err = v.run(tried, *opts, names); err != nil {
				return nil, err
			}
		}
		for name, left := range forms {
			now := jobs[name]
			switch {
			case now != nil && now.Status != verify.Unexplained && now.Status != verify.NotRun:
				now.usual, now.form = p.jobs[name].usual, opts.Plainer[name]
				p.jobs[name] = now
			case len(left) > 0:
				continue
			default:
				p.jobs[name].declined = true
				opts.Unproven[name] = unproven(v.release.Job(name), p.jobs[name].Job)
				delete(opts.Plainer, name)
			}
			delete(forms, name)
		}
		plan = tried
	}
	return plan, nil
}

// plainerForms are those to try for a job, by what differs: what the process is, or
// what is done around it, and when.
func plainerForms(j *verify.Job) []convert.Plainer {
	const why = "what bpm.yml would say does not do the same"
	process, around := false, false
	for _, d := range j.Differences {
		if d.Status != verify.Unexplained {
			continue
		}
		if d.Process != "" && d.Moment == "" && !strings.HasPrefix(d.Aspect, "access:") {
			process = true
		} else {
			around = true
		}
	}
	both := convert.Plainer{Wrapper: why, EveryStart: true}
	switch {
	case process && around:
		return []convert.Plainer{both}
	case process:
		return []convert.Plainer{{Wrapper: why}, both}
	}
	return []convert.Plainer{{EveryStart: true}, both}
}

// sameChanges says whether two plans change the same in a job.
func sameChanges(a, b *convert.Plan, job string) bool {
	of := func(p *convert.Plan) []convert.Change {
		for _, c := range p.Jobs {
			if c.Job.Name == job {
				return c.Changes
			}
		}
		return nil
	}
	return slices.EqualFunc(of(a), of(b), func(x, y convert.Change) bool {
		return x.Name == y.Name && x.Delete == y.Delete && string(x.After) == string(y.After)
	})
}

// first says what differs in a job, of several the first, in a few words.
func first(j *verify.Job) string {
	for _, d := range j.Differences {
		if d.Status == verify.Unexplained {
			return verifyreport.Said(d)
		}
	}
	return "something differs"
}

// unproven says what keeps a job from being called converted.
func unproven(job *release.Job, j *verify.Job) source.Diagnostic {
	var said []string
	for _, x := range j.Differences {
		if text := verifyreport.Said(x); x.Status == verify.Unexplained && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	more := ""
	if len(said) > 2 {
		said, more = said[:2], fmt.Sprintf("; and %d more", len(said)-2)
	}
	return source.Diagnostic{ID: "verify-unexplained", Severity: source.Error, Span: source.Span{File: job.Monit},
		Message: fmt.Sprintf("the new job was run next to the old one, and nothing explains this difference: %s%s. Use --no-verify to convert it anyway, then look at bosh-bpmify verify", strings.Join(said, "; "), more)}
}
