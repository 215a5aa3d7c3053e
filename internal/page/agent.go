package page

import "strings"

// What browsers and systems call themselves in the header User-Agent, and how people
// know them. The first that fits is it: most also name others that they are like.
var (
	programs = []struct{ mark, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}
	systems = []struct{ mark, name string }{
		{"Windows", "Windows"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Mac OS", "macOS"}, {"Linux", "Linux"},
	}
)

// agent names a browser and its system so that its owner knows which one it is. Of any
// other program it is what that says of itself.
func (s *speaker) agent(text string) string {
	program, system := "", ""
	for _, p := range programs {
		if strings.Contains(text, p.mark) {
			program = p.name
			break
		}
	}
	for _, o := range systems {
		if strings.Contains(text, o.mark) {
			system = o.name
			break
		}
	}
	switch {
	case program != "" && system != "":
		return s.T("sessions.agent", "program", program, "system", system)
	case program+system != "":
		return program + system
	case text == "":
		return s.T("sessions.unknown")
	}
	const most = 60 // characters
	if all := []rune(text); len(all) > most {
		return string(all[:most]) + "…"
	}
	return text
}
