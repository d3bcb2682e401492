package conn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var databaseName = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Addr is where a server is and as whom to talk to it. It prints without its
// passwords.
type Addr struct {
	TCPAddr  string // host:port of the native protocol
	HTTPAddr string // host:port of the HTTP interface

	User, Password         string // may insert and change the schema
	ReadUser, ReadPassword string // may only select; User where empty
	SQLUser, SQLPassword   string // runs what people have written, see AsSQLUser
	Database               string
	Secure                 bool // TLS on both
}

// String is the address without credentials.
func (a Addr) String() string {
	return fmt.Sprintf("clickhouse://%s/%s", a.TCPAddr, a.Database)
}

// GoString keeps %#v from printing the passwords.
func (a Addr) GoString() string { return a.String() }

// AsSQLUser is the same server for statements that people have written: all that
// is done there is done as SQLUser. Not ok when there is none.
func (a Addr) AsSQLUser() (sql Addr, ok bool) {
	if a.SQLUser == "" {
		return Addr{}, false
	}
	return Addr{TCPAddr: a.TCPAddr, HTTPAddr: a.HTTPAddr, Database: a.Database, Secure: a.Secure, User: a.SQLUser, Password: a.SQLPassword}, true
}

func (a Addr) reader() (user, password string) {
	if a.ReadUser == "" {
		return a.User, a.Password
	}
	return a.ReadUser, a.ReadPassword
}

// ParseDSN reads
//
//	clickhouse://user:password@host:9000/database?http_port=8123&secure=true&read_user=..&read_password=..&sql_user=..&sql_password=..
//
// Ports default to 9000 and 8123, or 9440 and 8443 when secure, the database to
// trefoil. Errors never contain the password.
func ParseDSN(dsn string) (Addr, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		// What the parser says quotes the text, and where a password holds a
		// stray slash or colon, the password.
		return Addr{}, errors.New("clickhouse dsn: malformed address; special characters in a user or password must be percent-encoded")
	}
	if u.Scheme != "clickhouse" {
		return Addr{}, fmt.Errorf("clickhouse dsn: scheme %q, want clickhouse://user:password@host:9000/database", u.Scheme)
	}
	if u.Hostname() == "" {
		return Addr{}, errors.New("clickhouse dsn: no host")
	}
	a := Addr{User: "default", Database: "trefoil"}
	tcp, http := "9000", "8123"
	for key, values := range u.Query() {
		v := values[len(values)-1]
		switch key {
		case "secure":
			switch v {
			case "true", "1":
				a.Secure = true
			case "false", "0":
			default:
				return Addr{}, fmt.Errorf("clickhouse dsn: secure=%q, want true or false", v)
			}
		case "http_port":
			if n, err := strconv.ParseUint(v, 10, 16); err != nil || n == 0 {
				return Addr{}, fmt.Errorf("clickhouse dsn: http_port=%q, want a port number", v)
			}
			http = v
		case "read_user":
			a.ReadUser = v
		case "read_password":
			a.ReadPassword = v
		case "sql_user":
			a.SQLUser = v
		case "sql_password":
			a.SQLPassword = v
		default:
			return Addr{}, fmt.Errorf("clickhouse dsn: unknown parameter %q (known: http_port, secure, read_user, read_password, sql_user, sql_password)", key)
		}
	}
	if a.Secure {
		tcp = "9440"
		if !u.Query().Has("http_port") {
			http = "8443"
		}
	}
	if p := u.Port(); p != "" {
		tcp = p
	}
	if u.User != nil {
		a.User = u.User.Username()
		a.Password, _ = u.User.Password()
	}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if !databaseName.MatchString(db) { // not quoted: it is the end of a password with a stray slash
			return Addr{}, errors.New("clickhouse dsn: the database name must be letters, digits and underscores")
		}
		a.Database = db
	}
	a.TCPAddr = net.JoinHostPort(u.Hostname(), tcp)
	a.HTTPAddr = net.JoinHostPort(u.Hostname(), http)
	return a, nil
}
