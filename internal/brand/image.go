package brand

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
)

// Image is a picture as it is served.
type Image struct {
	Data []byte
	Type string // its media type
	Ext  string // of its file, without the dot
}

var errImage = errors.New("this is no picture that browsers show: it must be SVG, PNG, JPEG or WebP")

// readImage tells by its bytes what a picture is.
func readImage(data []byte) (*Image, error) {
	for kind, ext := range map[string]string{"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"} {
		if http.DetectContentType(data) == kind {
			return &Image{Data: data, Type: kind, Ext: ext}, nil
		}
	}
	if isSVG(data) {
		return &Image{Data: data, Type: "image/svg+xml", Ext: "svg"}, nil
	}
	return nil, errImage
}

// isSVG says whether a document is well-formed and its root element is that of SVG.
func isSVG(data []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(data))
	root := ""
	for {
		token, err := d.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && root == "svg"
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			if root = start.Name.Local; start.Name.Space != "http://www.w3.org/2000/svg" {
				return false
			}
		}
	}
}
