package ceremony

import (
	"testing"

	"github.com/google/uuid"
)

func TestModels(t *testing.T) {
	if len(models) < 30 {
		t.Errorf("there are %d names", len(models))
	}
	for text, name := range models {
		id, err := uuid.Parse(text)
		if err != nil || id.String() != text || name == "" {
			t.Errorf("%q: %q, %v", text, name, err)
		}
		if got := modelName(id[:]); got != name {
			t.Errorf("%s is called %q", text, got)
		}
	}
	for _, unknown := range [][]byte{nil, {1}, make([]byte, 16)} {
		if got := modelName(unknown); got != "" {
			t.Errorf("%x is called %q", unknown, got)
		}
	}
}
