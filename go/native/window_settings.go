package native

import (
	"strings"

	batchline "github.com/batchline/batchline/go"
)

// checkWindow refuses what has no form in the C ABI. The rest is left to the core, which names what is wrong.
func checkWindow(w batchline.Window) error {
	switch {
	case w.Duration < 0:
		return &batchline.SettingError{Field: "window", Value: w.Duration, Allowed: "1ms to 366 days"}
	case w.Bucket < 0:
		return &batchline.SettingError{Field: "bucket", Value: w.Bucket, Allowed: "1ms to the window"}
	case w.KeysMax < 0:
		return &batchline.SettingError{Field: "keys_max", Value: w.KeysMax, Allowed: "1 to 2^36"}
	case w.AtCap > batchline.ForgetOldest:
		return &batchline.SettingError{Field: "at_cap", Value: w.AtCap, Allowed: "Refuse or ForgetOldest"}
	}
	return nil
}

// windowSettingError is settingError of a window that stands alone. Here a setting has its name without the unit.
func windowSettingError(message string) error {
	return settingError(strings.Replace(message, "_ns is ", " is ", 1))
}
