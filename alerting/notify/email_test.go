package notify

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// mailServer takes mails by SMTP, after having put off the first of them.
type mailServer struct {
	net.Listener
	mails chan string // their envelope and text
}

func newMailServer(t *testing.T, putOff int) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{l, make(chan string, 10)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			s.serve(c, n < putOff)
			c.Close()
		}
	}()
	return s
}

// serve is one session.
func (s *mailServer) serve(c net.Conn, busy bool) {
	lines := bufio.NewReader(c)
	say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
	say("220 ready")
	var mail strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:min(4, len(line))]); verb {
		case "MAIL":
			if busy {
				say("451 try again later")
				continue
			}
			mail.WriteString(line)
			say("250 ok")
		case "RCPT":
			mail.WriteString(line)
			say("250 ok")
		case "DATA":
			say("354 go on")
			for line, err = lines.ReadString('\n'); err == nil && line != ".\r\n"; line, err = lines.ReadString('\n') {
				mail.WriteString(line)
			}
			say("250 taken")
			s.mails <- mail.String()
		case "QUIT":
			say("221 bye")
			return
		default: // EHLO among them: nothing is offered
			say("250 ok")
		}
	}
}

// An address alone is enough for mails, and a mail server that puts one off gets
// it again.
func TestEmail(t *testing.T) {
	s := newMailServer(t, 1)
	d := run(t, &disk{}, Config{Default: Default{
		Emails: []string{"oncall@shop.example"}, Smarthost: s.Addr().String(), From: "trefoil@shop.example", GroupInterval: time.Second,
	}})
	began := time.Now()
	put := func(end time.Time) {
		t.Helper()
		d.put(t, Alert{Labels: map[string]string{"alertname": "Down", "job": "cart"}, StartsAt: began, EndsAt: end})
	}
	put(time.Time{})
	for _, status := range []string{"[FIRING:1]", "[RESOLVED]"} {
		select {
		case mail := <-s.mails:
			for _, want := range []string{"MAIL FROM:<trefoil@shop.example>", "RCPT TO:<oncall@shop.example>", "Subject: " + status, "Down"} {
				if !strings.Contains(mail, want) {
					t.Errorf("the mail lacks %q:\n%s", want, mail)
				}
			}
		case <-time.After(time.Minute):
			t.Fatalf("no mail %s", status)
		}
		put(time.Now())
	}
}
