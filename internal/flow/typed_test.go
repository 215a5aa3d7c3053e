package flow

import "testing"

func TestPlainCode(t *testing.T) {
	for typed, want := range map[string]string{
		"123456": "123456", " 123 456\n": "123456", "123-456": "123456", "123–456": "123456", "１２３　４５６": "123456", "١٢٣٤٥٦": "123456",
		"۱۲۳ ۴۵۶": "123456", "\u200e123456\u200f": "123456", "123\u00a0456": "123456", "abcd-EFGH": "abcdEFGH", "": "", "- -": "", "12.34": "12.34", "1+2": "1+2",
	} {
		if got := PlainCode(typed); got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
}
