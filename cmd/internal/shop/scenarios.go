package shop

import (
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/trace"
)

// Names of the services, in the order requests pass through them.
const (
	frontend  = "frontend"
	checkout  = "checkout"
	cart      = "cart"
	payment   = "payment"
	inventory = "inventory"
	shipping  = "shipping"
)

// Services lists the shop's six services.
func Services() []string {
	return []string{frontend, checkout, cart, payment, inventory, shipping}
}

// usualFaults is how often things go wrong on an ordinary day.
func usualFaults() map[string]float64 {
	return map[string]float64{frontend: 0.001, checkout: 0.002, cart: 0.004, payment: 0.03, inventory: 0.005, shipping: 0.01}
}

func products() []string {
	return []string{"teapot", "kettle", "strainer", "matcha-whisk", "cup-green", "cup-blue", "sencha-100g", "oolong-100g"}
}

// request plans one visitor's request.
func (p *planner) request() *span {
	switch roll := p.rng.Float64(); {
	case roll < 0.55:
		return p.browse()
	case roll < 0.80:
		return p.addToCart()
	default:
		return p.checkout()
	}
}

func (p *planner) browse() *span {
	product := pick(p.rng, products())
	return p.server(nil, frontend, "GET", "/products/{id}", func(s *span) int {
		s.set(attribute.String("url.path", "/products/"+product), attribute.String("app.product.id", product))
		p.work(2 * time.Millisecond)
		found := p.exchange(s, frontend, inventory, "GET", "/stock/{id}", func(server *span) int { return p.stockLevel(server, product) })
		if !found {
			p.log(s, log.SeverityWarn, "stock level unknown, page rendered without it", attribute.String("app.product.id", product))
		}
		return p.render(s, "product.html")
	})
}

func (p *planner) addToCart() *span {
	product, quantity := pick(p.rng, products()), 1+p.rng.IntN(3)
	user := p.user()
	return p.server(nil, frontend, "POST", "/cart", func(s *span) int {
		s.set(attribute.String("url.path", "/cart"), user, attribute.String("app.product.id", product))
		p.work(2 * time.Millisecond)
		if !p.exchange(s, frontend, cart, "PUT", "/carts/{user}/items", func(server *span) int {
			return p.storeCart(server, user, product, quantity)
		}) {
			s.fail("cart did not take the item")
			p.log(s, log.SeverityError, "item not added", user, attribute.String("app.product.id", product))
			return 502
		}
		return p.render(s, "cart.html")
	})
}

func (p *planner) checkout() *span {
	user, order := p.user(), fmt.Sprintf("o-%08x", p.rng.Uint32())
	return p.server(nil, frontend, "POST", "/checkout", func(s *span) int {
		s.set(attribute.String("url.path", "/checkout"), user)
		p.work(3 * time.Millisecond)
		if !p.exchange(s, frontend, checkout, "POST", "/orders", func(server *span) int { return p.placeOrder(server, user, order) }) {
			s.fail("order was not placed")
			p.log(s, log.SeverityError, "checkout failed", user, attribute.String("app.order.id", order))
			return 502
		}
		return p.render(s, "thanks.html")
	})
}

func (p *planner) placeOrder(s *span, user attribute.KeyValue, order string) int {
	id := attribute.String("app.order.id", order)
	items := 1 + p.rng.IntN(4)
	amount := float64(items*(500+p.rng.IntN(4500))) / 100
	s.set(id, user, attribute.Int("app.order.items", items), attribute.Float64("app.order.amount", amount))
	p.log(s, log.SeverityInfo, "placing order", id, user, attribute.Int("app.order.items", items))
	p.work(4 * time.Millisecond)
	outcome := func(what string) attribute.KeyValue { return attribute.String("outcome", what) }
	if p.strikes(checkout) {
		s.fail("order template is missing a price")
		p.event(s, "exception", attribute.String("exception.type", "NullPriceError"), attribute.String("exception.message", "order template is missing a price"))
		s.count("shop.orders", 1, outcome("failed"))
		return 500
	}
	product := pick(p.rng, products())
	reserved := false
	p.together(
		func() {
			p.exchange(s, checkout, cart, "GET", "/carts/{user}", func(server *span) int { return p.readCart(server, user) })
		},
		func() {
			reserved = p.exchange(s, checkout, inventory, "POST", "/reservations", func(server *span) int { return p.reserve(server, product, int64(items)) })
		},
	)
	if !reserved {
		s.fail("items could not be reserved")
		s.count("shop.orders", 1, outcome("failed"))
		return 503
	}
	if !p.charge(s, order, amount) {
		s.fail("payment failed")
		p.log(s, log.SeverityError, "order cancelled: payment failed", id, user, attribute.Float64("app.order.amount", amount))
		s.count("shop.orders", 1, outcome("unpaid"))
		return 402
	}
	p.handOver(s, order)
	s.count("shop.orders", 1, outcome("placed"))
	s.count("shop.revenue", amount, attribute.String("currency", "EUR"))
	s.logs = append(s.logs, line{at: p.now, severity: log.SeverityInfo, event: "shop.order.placed",
		body: attribute.MapValue(id, attribute.Int("items", items), attribute.Float64("amount", amount)), attrs: []attribute.KeyValue{user}})
	return 201
}

// charge calls payment over gRPC, which calls the card gateway.
func (p *planner) charge(s *span, order string, amount float64) bool {
	broken := p.strikes(payment)
	rpc := []attribute.KeyValue{attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", "shop.Payment/Charge")}
	p.call(s, checkout, "shop.Payment/Charge", trace.SpanKindClient, func(client *span) {
		p.work(time.Millisecond)
		server := p.call(client, payment, "shop.Payment/Charge", trace.SpanKindServer, func(server *span) {
			p.work(2 * time.Millisecond)
			p.gateway(server, order, amount, broken)
		}, rpc...)
		if broken {
			code := attribute.String("rpc.response.status_code", "UNAVAILABLE")
			server.set(code)
			client.set(code)
			client.fail("UNAVAILABLE: card gateway")
		}
	}, rpc...)
	return !broken
}

// gateway tries the card once, and when the gateway is broken a second time
// after a pause; both fail then.
func (p *planner) gateway(server *span, order string, amount float64, broken bool) {
	card := attribute.String("app.card.brand", pick(p.rng, []string{"visa", "mastercard", "amex"}))
	id := attribute.String("app.order.id", order)
	attempts := 1
	if broken {
		attempts = 2
	}
	for attempt := 1; attempt <= attempts; attempt++ {
		p.call(server, payment, "POST", trace.SpanKindClient, func(client *span) {
			p.work(60 * time.Millisecond)
			if p.chance(0.02) {
				p.work(900 * time.Millisecond) // the gateway's own slow days
			}
			status := 200
			if broken {
				p.work(250 * time.Millisecond)
				status = 503
				client.fail("503 Service Unavailable")
				p.event(client, "exception", attribute.String("exception.type", "GatewayUnavailable"),
					attribute.String("exception.message", "gateway answered 503"), attribute.Int("attempt", attempt))
				p.log(client, log.SeverityWarn, "card gateway unavailable", id, card, attribute.Int("attempt", attempt), attribute.Bool("retry", attempt < attempts))
			}
			client.set(attribute.Int("http.response.status_code", status))
		}, attribute.String("http.request.method", "POST"), attribute.String("server.address", "gateway.example"), attribute.Int("http.request.resend_count", attempt-1))
		p.work(10 * time.Millisecond)
	}
	if broken {
		server.fail("card gateway unavailable after 2 attempts")
		p.log(server, log.SeverityError, "charge failed: card gateway unavailable", id, card, attribute.Float64("app.order.amount", amount))
		server.count("shop.payments", 1, attribute.String("outcome", "failed"), card)
		return
	}
	p.log(server, log.SeverityInfo, "card charged", id, card, attribute.Float64("app.order.amount", amount))
	server.count("shop.payments", 1, attribute.String("outcome", "charged"), card)
}

// handOver puts the order on a queue; shipping takes it up after the customer
// has been answered.
func (p *planner) handOver(s *span, order string) {
	queue := []attribute.KeyValue{attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", "orders")}
	producer := p.call(s, checkout, "send orders", trace.SpanKindProducer, func(*span) { p.work(2 * time.Millisecond) }, queue...)
	answered := p.now
	p.work(40 * time.Millisecond)
	waited := p.now - answered
	consumer := p.call(producer, shipping, "process orders", trace.SpanKindConsumer, func(consumer *span) {
		id := attribute.String("app.order.id", order)
		p.work(8 * time.Millisecond)
		if p.strikes(shipping) {
			consumer.fail("no carrier for this address")
			p.log(consumer, log.SeverityError, "shipment not planned: no carrier", id)
			return
		}
		p.database(consumer, shipping, "INSERT", "shipments", 4*time.Millisecond)
		p.log(consumer, log.SeverityInfo, "shipment planned", id, attribute.String("app.carrier", pick(p.rng, []string{"post", "bike", "van"})))
	}, queue...)
	consumer.linked = producer
	consumer.count("shop.queue.lag", waited.Seconds(), attribute.String("messaging.destination.name", "orders"))
	p.now = answered
}

func (p *planner) stockLevel(s *span, product string) int {
	p.work(time.Millisecond)
	if !p.stockTable(s, "SELECT") {
		return 500
	}
	s.count("shop.inventory.stock", float64(p.stock[product]), attribute.String("app.product.id", product))
	return 200
}

func (p *planner) reserve(s *span, product string, items int64) int {
	p.work(2 * time.Millisecond)
	if !p.stockTable(s, "UPDATE") {
		return 500
	}
	if p.stock[product] < items {
		p.stock[product] += 500
		p.log(s, log.SeverityWarn, "stock ran low, reordered", attribute.String("app.product.id", product), attribute.Int64("app.stock", p.stock[product]))
	}
	p.stock[product] -= items
	s.count("shop.inventory.stock", float64(p.stock[product]), attribute.String("app.product.id", product))
	return 201
}

// stockTable is the shop's slow spot: one in twenty statements waits for a
// lock, and a broken inventory gives up waiting.
func (p *planner) stockTable(s *span, operation string) bool {
	median := 3 * time.Millisecond
	if p.chance(0.05) {
		median = 400 * time.Millisecond
	}
	if !p.strikes(inventory) {
		query := p.database(s, inventory, operation, "stock", median)
		if took := query.end - query.start; took > 200*time.Millisecond {
			p.log(s, log.SeverityWarn, "slow query", attribute.String("db.collection.name", "stock"), attribute.Int64("duration_ms", took.Milliseconds()))
		}
		return true
	}
	query := p.database(s, inventory, operation, "stock", time.Second)
	query.fail("canceling statement due to lock timeout")
	query.set(attribute.String("db.response.status_code", "55P03"))
	s.fail("stock is locked")
	p.log(s, log.SeverityError, "stock table locked", attribute.String("db.response.status_code", "55P03"))
	return false
}

func (p *planner) readCart(s *span, user attribute.KeyValue) int {
	s.set(user)
	p.work(time.Millisecond)
	return p.redis(s, "HGETALL")
}

func (p *planner) storeCart(s *span, user attribute.KeyValue, product string, quantity int) int {
	s.set(user, attribute.Int("app.quantity", quantity))
	p.work(time.Millisecond)
	status := p.redis(s, "HINCRBY")
	if status == 200 {
		s.count("shop.cart.items", float64(quantity))
		p.log(s, log.SeverityInfo, "item added", user, attribute.String("app.product.id", product), attribute.Int("app.quantity", quantity))
	}
	return status
}

func (p *planner) redis(s *span, command string) int {
	broken := p.strikes(cart)
	p.call(s, cart, command, trace.SpanKindClient, func(client *span) {
		p.work(500 * time.Microsecond)
		if broken {
			client.fail("READONLY You can't write against a read only replica.")
		}
	}, attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", command))
	if !broken {
		return 200
	}
	s.fail("cart store is read-only")
	p.log(s, log.SeverityError, "cart store is read-only", attribute.String("db.operation.name", command))
	return 500
}

func (p *planner) database(s *span, service, operation, table string, median time.Duration) *span {
	return p.call(s, service, operation+" "+table, trace.SpanKindClient, func(*span) { p.work(median) },
		attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", "shop"),
		attribute.String("db.operation.name", operation), attribute.String("db.collection.name", table))
}

func (p *planner) render(s *span, template string) int {
	broken := p.strikes(frontend)
	p.call(s, frontend, "render "+template, trace.SpanKindInternal, func(inner *span) {
		p.work(4 * time.Millisecond)
		if broken {
			inner.fail("template: undefined variable")
		}
	}, attribute.String("app.template", template))
	if broken {
		s.fail("page could not be rendered")
		p.log(s, log.SeverityError, "page could not be rendered", attribute.String("app.template", template))
		return 500
	}
	return 200
}

// server runs handle as an HTTP server span; its status becomes an attribute,
// and a log line of the frontend's access log.
func (p *planner) server(parent *span, service, method, route string, handle func(*span) int) *span {
	return p.call(parent, service, method+" "+route, trace.SpanKindServer, func(s *span) {
		status := handle(s)
		s.set(attribute.Int("http.response.status_code", status))
		if status >= 500 && s.failure == "" {
			s.fail(fmt.Sprintf("HTTP %d", status))
		}
		if service == frontend {
			p.log(s, log.SeverityInfo, "request served", attribute.String("http.request.method", method), attribute.String("http.route", route),
				attribute.Int("http.response.status_code", status), attribute.Float64("duration_ms", float64((p.now-s.start).Microseconds())/1000))
		}
	}, attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.String("url.scheme", "http"))
}

// exchange is an HTTP request between two services: a client span in one, a
// server span below it in the other. It reports whether the answer was good.
func (p *planner) exchange(s *span, from, to, method, route string, handle func(*span) int) bool {
	good := true
	p.call(s, from, method, trace.SpanKindClient, func(client *span) {
		p.work(300 * time.Microsecond)
		server := p.server(client, to, method, route, handle)
		p.work(300 * time.Microsecond)
		client.set(server.attrs[len(server.attrs)-1]) // the status code
		if server.failure != "" {
			good = false
			client.fail(to + ": " + server.failure)
		}
	}, attribute.String("http.request.method", method), attribute.String("server.address", to), attribute.String("url.template", route))
	return good
}

func (p *planner) user() attribute.KeyValue {
	return attribute.String("user.id", fmt.Sprintf("u%05d", p.rng.IntN(2000)))
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
