// simdjson as this protocol uses it: every error is a code, nothing throws.
#pragma once

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>
