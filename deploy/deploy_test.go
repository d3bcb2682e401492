// Package deploy has no code: its test checks the files beside it, which no
// container engine tries in CI.
package deploy

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

const root = ".."

type composeFile struct {
	Services map[string]struct {
		Image string
		Build struct {
			Context, Dockerfile string
		}
		Command     []string
		Environment map[string]string
		Volumes     []string
		Ports       []string
		DependsOn   []string `yaml:"depends_on"`
		Profiles    []string
		Grace       string `yaml:"stop_grace_period"`
		Restart     string
	}
	Volumes map[string]any
	Name    string
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func exists(t *testing.T, path string) {
	t.Helper()
	// dist is built by make plugin; its sources stand for it.
	path = strings.Replace(path, filepath.Join("ui-plugin", "dist"), filepath.Join("ui-plugin", "src"), 1)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// help is what the commands document of their flags; the binary is built once.
var help = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "trefoil-deploy-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "trefoil")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "../cmd/trefoil").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	var text strings.Builder
	for _, command := range []string{"serve", "demo", "engine install"} {
		out, err := exec.Command(binary, append(strings.Fields(command), "--help")...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("trefoil %s --help: %w\n%s", command, err, out)
		}
		text.Write(out)
	}
	return text.String(), nil
})

func isFlag(t *testing.T, name string) {
	t.Helper()
	text, err := help()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, name+" ") {
		t.Errorf("there is no flag %s", name)
	}
}

func TestCompose(t *testing.T) {
	var file composeFile
	readYAML(t, "compose/compose.yaml", &file)
	for name, s := range file.Services {
		if (s.Image == "") == (s.Build.Context == "") {
			t.Errorf("%s: want either an image or a build", name)
		}
		if s.Build.Context != "" {
			context := filepath.Join("compose", s.Build.Context)
			exists(t, filepath.Join(context, "go.mod"))
			exists(t, filepath.Join(context, s.Build.Dockerfile))
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(from, ".") {
				exists(t, filepath.Join("compose", from))
			} else if _, ok := file.Volumes[from]; !ok {
				t.Errorf("%s: volume %s is not declared", name, from)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the world", name, p)
			}
		}
		for _, other := range s.DependsOn {
			if _, ok := file.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for _, arg := range s.Command {
			if strings.HasPrefix(arg, "--") {
				isFlag(t, arg)
			}
		}
	}
	plugin := struct{ ID string }{}
	text, err := os.ReadFile(filepath.Join(root, "ui-plugin", "src", "plugin.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &plugin); err != nil {
		t.Fatal(err)
	}
	grafana := file.Services["grafana"]
	if grafana.Environment["GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS"] != plugin.ID {
		t.Errorf("the unsigned plugin allowed is not %s", plugin.ID)
	}
	if !strings.Contains(strings.Join(grafana.Volumes, " "), "/plugins/"+plugin.ID) {
		t.Errorf("the plugin is not mounted as %s", plugin.ID)
	}
	checkDataSources(t, plugin.ID, file)
}

func checkDataSources(t *testing.T, pluginID string, file composeFile) {
	var provisioned struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool `yaml:"isDefault"`
			Editable                     bool
			JSONData                     map[string]any `yaml:"jsonData"`
		}
	}
	readYAML(t, "compose/grafana/provisioning/datasources/trefoil.yaml", &provisioned)
	// Where each type of source finds its API.
	paths := map[string]string{pluginID: "", "loki": "", "prometheus": "/prometheus", "tempo": "/tempo", "jaeger": "/jaeger", "alertmanager": "/alertmanager"}
	ours, known := 0, map[string]bool{}
	for _, d := range provisioned.Datasources {
		known[d.UID] = true
		m := regexp.MustCompile(`^http://([a-z]+):(\d+)(/.*)?$`).FindStringSubmatch(d.URL)
		if path, ok := paths[d.Type]; m == nil || !ok || m[3] != path {
			t.Errorf("%s: odd address %s of type %s", d.Name, d.URL, d.Type)
			continue
		}
		s, ok := file.Services[m[1]]
		if !ok || !strings.Contains(strings.Join(s.Ports, " "), ":"+m[2]) {
			t.Errorf("%s: nothing serves %s", d.Name, d.URL)
		}
		if d.Type == pluginID {
			ours++
		}
	}
	if ours != 1 {
		t.Errorf("%d data sources of type %s", ours, pluginID)
	}
	text, err := os.ReadFile("compose/grafana/provisioning/datasources/trefoil.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`datasourceUid: (\S+)`).FindAllStringSubmatch(string(text), -1) {
		if !known[m[1]] {
			t.Errorf("a link leads to %s, which is no data source", m[1])
		}
	}
	// A variable of the environment would stand where Grafana's own should.
	if m := regexp.MustCompile(`(^|[^$])\$\{`).Find(text); m != nil {
		t.Errorf("%q is not escaped", m)
	}
}

// TestDockerfile checks what can be checked without building: the stages and
// paths it copies, and that every variable it sets is a flag.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	dockerfile := string(text)
	stages := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^FROM .* AS (\w+)$`).FindAllStringSubmatch(dockerfile, -1) {
		stages[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`--from=(\w+)`).FindAllStringSubmatch(dockerfile, -1) {
		if !stages[m[1]] {
			t.Errorf("no stage %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`TREFOIL_([A-Z_]+)=`).FindAllStringSubmatch(dockerfile, -1) {
		isFlag(t, "--"+strings.ToLower(strings.ReplaceAll(m[1], "_", "-")))
	}
	for _, m := range regexp.MustCompile(`install (--[a-z-]+) `).FindAllStringSubmatch(dockerfile, -1) {
		isFlag(t, m[1])
	}
	user := regexp.MustCompile(`(?m)^USER (\S+)$`).FindStringSubmatch(dockerfile)
	if user == nil || user[1] == "root" || user[1] == "0" {
		t.Errorf("the image runs as root")
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(goMod)
	if !strings.Contains(dockerfile, "golang:"+string(language[1])+"-") {
		t.Errorf("the image is built with another Go than %s", language[1])
	}
}

func TestRules(t *testing.T) {
	files, err := filepath.Glob("compose/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rule files: %v", err)
	}
	for _, file := range files {
		groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default())
		for _, err := range errs {
			t.Error(err)
		}
		if groups == nil || len(groups.Groups) == 0 {
			t.Errorf("%s has no groups", file)
		}
	}
}
