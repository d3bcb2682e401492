// Package storagetest gives tests a real engine: one per test process, a database per test.
//
//	func TestMain(m *testing.M) { storagetest.Main(m) }
//
//	func TestX(t *testing.T) {
//		ep := storagetest.Database(t, storagetest.Start(t))
//		...
//	}
//
// What belongs here: starting the engine for tests, keeping tests apart, comparing with goldens. What does not: fixtures and
// assertions, which live beside the code they test. Without the library tests fail and say how to bring it;
// nothing here skips.
package storagetest
