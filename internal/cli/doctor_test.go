package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDoctor: what is wrong is on standard output, with the place to change, and
// the exit code says whether anything is.
func TestDoctor(t *testing.T) {
	environ := []string{database(t)}
	named := strings.Replace(good, "eyJ0eXBlIjoib2JqZWN0IiwicHJvcGVydGllcyI6eyJ0cmFpdHMiOnsidHlwZSI6Im9iamVjdCIsInByb3BlcnRpZXMiOnsibmFtZSI6eyJ0eXBlIjoic3RyaW5nIn19fX19",
		"eyJ0eXBlIjoib2JqZWN0IiwicHJvcGVydGllcyI6eyJ0cmFpdHMiOnsidHlwZSI6Im9iamVjdCIsInByb3BlcnRpZXMiOnsibmFtZSI6eyJ0eXBlIjoic3RyaW5nIiwib3J5LnNoL2tyYXRvcyI6eyJjcmVkZW50aWFscyI6eyJwYXNzd29yZCI6eyJpZGVudGlmaWVyIjp0cnVlfX19fX19fX0=", 1)
	well, ill := file(t, "kratos.yml", named), file(t, "kratos.yml", named+"cookies:\n  domain: elsewhere.example\n")

	got := run(t, environ, "", "doctor", "-c", well)
	if got.code != 0 || got.err != "" || strings.Contains(got.out, "problem") || !strings.Contains(got.out, "no file") {
		t.Errorf("got %+v", got)
	}
	got = run(t, environ, "", "doctor", "-c", ill)
	if got.code != 1 || !strings.Contains(got.err, "there is a problem") {
		t.Errorf("got %+v", got)
	}
	for _, want := range []string{"\n  problem  cookies", "setting   cookies.domain (" + ill + ":21)", "expected  ", "do        ", "\n  1 problem, "} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is missing in:\n%s", want, got.out)
		}
	}
	for line := range strings.Lines(got.out) {
		if len([]rune(line)) > 111+len(ill) {
			t.Errorf("a line is too long: %s", line)
		}
	}

	got = run(t, environ, "", "doctor", "-c", ill, "--format", "json")
	var report struct {
		Problems int
		Findings []struct{ Check, Level, Setting, Where, Seen, Expected, Do string }
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.code != 1 || report.Problems != 1 {
		t.Errorf("%v: got %+v", err, got)
	}
	for _, f := range report.Findings {
		if f.Level == "problem" && (f.Check != "cookies" || f.Setting != "cookies.domain" || !strings.HasSuffix(f.Where, ":21") || f.Seen == "" || f.Expected == "" || f.Do == "") {
			t.Errorf("the problem is %+v", f)
		}
	}

	for _, args := range [][]string{{"--url", "id.example.org"}, {"--url", "https://me:hidden@id.example.org"}, {"--format", "xml"}} {
		if got := run(t, environ, "", append([]string{"doctor", "-c", well}, args...)...); got.code != 1 || got.out != "" || strings.Contains(got.err, "hidden") {
			t.Errorf("%v: got %+v", args, got)
		}
	}
	// What the mail server answers and the database is like is found where they are.
	got = run(t, environ, "", "doctor", "-c", well, "--url", "http://127.0.0.1:1/")
	if got.code != 1 || !strings.Contains(got.out, "http://127.0.0.1:1/ cannot be reached: connection refused") {
		t.Errorf("got %+v", got)
	}
}
