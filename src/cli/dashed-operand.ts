// Ids of keys are hashes in base64url: one in 64 begins with a dash, and reads as an option to whoever parses a command line.

const DASHED_ID = /^-[A-Za-z0-9_-]{42}$/
/** No argument of a process can hold it. */
const MARK = '\0'

/** The argument as the parser is given it. */
export const marked = (argument: string): string => (DASHED_ID.test(argument) ? `${MARK}${argument}` : argument)

/** What the parser gave, as it was written: texts, lists of them, and whatever else there is. */
export function unmarked<T>(value: T): T {
  if (typeof value === 'string') return (value.startsWith(MARK) ? value.slice(1) : value) as T
  return Array.isArray(value) ? (value.map(unmarked) as T) : value
}
