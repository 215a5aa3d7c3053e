// Package brand is what pages and messages wear of the service that they speak
// for: its name, logo, links and colours.
//
//   - brand.go: Settings, what the configuration says; Brand, what pages are given
//   - palette.go: the colours of one scheme, light or dark, and the contrast that each must have
//   - color.go: colours and their contrast (WCAG 2.2)
//   - image.go: logos
//
// An operator says few colours; all others follow from them, with as much contrast
// as what they are used for needs. What an operator says is taken as it is, or
// refused at the start with a colour near it that would do.
package brand
