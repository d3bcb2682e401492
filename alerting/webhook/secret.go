package webhook

import (
	"net/url"
	"reflect"
	"slices"
	"strings"

	amcommon "github.com/prometheus/alertmanager/config/common"
	commoncfg "github.com/prometheus/common/config"
)

// Redactor takes secrets out of texts: receivers echo them into headers and
// bodies, and those end up in errors. Of a URL every part but the host is
// secret.
func Redactor(secrets ...string) *strings.Replacer {
	var parts []string
	for _, secret := range secrets {
		target, err := url.Parse(secret)
		if err != nil || target.Host == "" {
			parts = append(parts, secret)
			continue
		}
		parts = append(parts, urlParts(target)...)
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, part := range parts {
		if len(part) > 2 {
			pairs = append(pairs, part, amcommon.SecretToken)
		}
	}
	return strings.NewReplacer(pairs...)
}

func urlParts(target *url.URL) []string {
	parts := []string{target.String(), target.RequestURI(), target.RawQuery, target.Fragment, target.User.String()}
	if password, ok := target.User.Password(); ok {
		parts = append(parts, password)
	}
	parts = append(parts, target.User.Username())
	parts = append(parts, strings.Split(target.Path, "/")...)
	for _, values := range target.Query() {
		parts = append(parts, values...)
	}
	return parts
}

// SecretsIn collects what Alertmanager's configuration types call secret.
func SecretsIn(config any) []string {
	var found []string
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		if v.CanInterface() {
			switch s := v.Interface().(type) {
			case commoncfg.Secret:
				found = append(found, string(s))
				return
			case amcommon.SecretTemplateURL:
				found = append(found, string(s))
				return
			case amcommon.SecretURL:
				if s.URL != nil {
					found = append(found, s.URL.String())
				}
				return
			}
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					walk(v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				walk(v.MapIndex(key))
			}
		}
	}
	walk(reflect.ValueOf(config))
	return slices.DeleteFunc(found, func(s string) bool { return s == "" })
}
