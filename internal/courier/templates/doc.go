// Package templates is what messages say.
package templates
