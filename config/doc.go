// Package config is the settings file: TOML in, a typed and validated [Config] out.
//
// The file is small: paths, listeners, limits. People, groups, domains and everything else that changes
// while a school runs live in the database and are changed by commands.
//
// settings.go holds one struct for each section of the file. Its comments are the only description of the
// settings: [Sample] writes them above each line of a new schulhof.toml, and [Reference] into docs/config.md.
//
// [Load] reports every fault of a file at once: a key that does not exist with its line and the likely
// meant name, a value of the wrong type, a value out of bounds.
package config
