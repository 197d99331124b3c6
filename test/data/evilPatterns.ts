/** Patterns that a tokenizer file may hold and that could keep an engine busy for ever. */

// nested and overlapping repeats, groups, look-around, back-references, and what other engines have and this one has not
// biome-ignore format: a list
export const evil = [
  "(a+)+b", "(a*)*b", "(a|a)*b", "(a|aa)+$", "(.*)*x", "(a+)*c", "([a-z]+)*1", "(\\w+\\s?)*$", "^(a?)+$", "(x+x+)+y",
  "(?:a+)+b", "(?:a|b|ab)*c", "a+b", "a*b", ".*x", ".+x", "\\s+x", "\\s*,", "[a-z]+[0-9]", "\\p{L}+\\p{N}", "a+a+a+a+b",
  "a*a*a*a*b", "(a)\\1+", "(?=a+)a+b", "(?!a+b)a+", "(?<=a+)b", "(?<!a*)b", "(?>a+)b", "a++b", "a+?b", "a{2,}b",
  "(a{1,50}){1,50}b", "a{1,100}b", "(?i:a+)+b", "(((a)*)*)*b", "(\\d+)+x", "([^,]+,)*z", "(a|b)+?c", "x*y*z*w", "$*a",
  "\\b\\w+\\b", "^\\s+|\\s+$", "(?s).*a", "[[a-z]&&[b]]+c", "(|a)+b", "a||b", "|", "", "(?R)", "\\X+a",
];
