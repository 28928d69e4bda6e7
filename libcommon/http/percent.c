#include "http/percent.h"

#include "base/hex.h"

ssize_t
percent_decode(char *text, size_t len)
{
	char digits[3] = {0};
	uint8_t byte;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '%') {
			text[n++] = text[i];
			continue;
		}
		if (len - i < 3)
			return -1;
		memcpy(digits, text + i + 1, 2);
		if (hex_decode(&byte, 1, digits) < 0)
			return -1;
		text[n++] = (char)byte;
		i += 2;
	}
	if (n < len)
		text[n] = '\0';
	return (ssize_t)n;
}
