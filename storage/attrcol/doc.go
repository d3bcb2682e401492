// Package attrcol reads the two columns attributes are kept in, attributes and
// attributes_other, and prints conditions on them.
//
// It belongs here: matchers and their meaning, the SQL of a matcher, of an
// attribute's text and of the list of keys, and the way back from a stored row
// to typed attributes. Writing the columns belongs to package block, the type
// of a value to package attribute, tables to the stores.
package attrcol
