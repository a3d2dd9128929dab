// Renders templates with Go's text/template: standard input holds data by name (dots) and cases, standard output gets the
// cases with what came out. A dot whose name begins with "event" is decoded as an alert; numbers are json.Number, as in
// falcosidekick.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"
	"time"
)

type Case struct {
	Dot      string `json:"dot"`
	Template string `json:"template"`
	Output   string `json:"output"`
	Error    string `json:"error"` // "", "parse" or "execution"
	Message  string `json:"message,omitempty"`
}

type PriorityType int

var priorities = []string{"", "Debug", "Informational", "Notice", "Warning", "Error", "Critical", "Alert", "Emergency"}

func (p PriorityType) String() string { return priorities[p] }

func (p *PriorityType) UnmarshalJSON(data []byte) error {
	for level, name := range priorities {
		if strings.EqualFold(`"`+name+`"`, string(data)) {
			*p = PriorityType(level)
		}
	}
	return nil
}

type Event struct {
	UUID         string                 `json:"uuid"`
	Output       string                 `json:"output"`
	Priority     PriorityType           `json:"priority"`
	Rule         string                 `json:"rule"`
	Time         time.Time              `json:"time"`
	OutputFields map[string]interface{} `json:"output_fields"`
	Source       string                 `json:"source"`
	Tags         []string               `json:"tags"`
	Hostname     string                 `json:"hostname"`
}

func decode(text json.RawMessage, into interface{}) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		panic(err)
	}
}

func dot(name string, text json.RawMessage) interface{} {
	if strings.HasPrefix(name, "event") {
		var event Event
		decode(text, &event)
		return event
	}
	var data interface{}
	decode(text, &data)
	return data
}

func run(c *Case, dot interface{}) {
	parsed, err := template.New("").Parse(c.Template)
	if err != nil {
		c.Error, c.Message = "parse", err.Error()
		return
	}
	var out strings.Builder
	if err := parsed.Execute(&out, dot); err != nil {
		c.Error, c.Message = "execution", err.Error()
	}
	c.Output = strings.ToValidUTF8(out.String(), "\ufffd")
}

func main() {
	var input struct {
		Dots  map[string]json.RawMessage
		Cases []Case
	}
	if err := json.NewDecoder(os.Stdin).Decode(&input); err != nil {
		panic(err)
	}
	for i := range input.Cases {
		c := &input.Cases[i]
		run(c, dot(c.Dot, input.Dots[c.Dot]))
	}
	if err := json.NewEncoder(os.Stdout).Encode(input.Cases); err != nil {
		panic(err)
	}
}
