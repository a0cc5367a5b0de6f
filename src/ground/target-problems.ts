import { problemsOf } from './problem.ts'

export const targetProblems = {
  target_ambiguous: {
    status: 400,
    title: 'The request target can be read in more than one way',
    hint: 'Send the path in its plain form: no dot segments, no empty segments, nothing encoded that need not be.',
  },
  target_too_long: { status: 414, title: 'The request target is longer than 8192 bytes' },
} as const

export const targetProblem = problemsOf(targetProblems)

/** Why a target was refused; sent as the fact `rule` of `target_ambiguous`. */
export type TargetRule =
  | 'form'
  | 'character'
  | 'control_byte'
  | 'non_ascii'
  | 'backslash'
  | 'fragment'
  | 'dot_segment'
  | 'empty_segment'
  | 'escape_malformed'
  | 'escape_unicode'
  | 'escape_unreserved'
  | 'escape_backslash'
  | 'escape_percent'
  | 'escape_control'
  | 'escape_utf8'
  | 'lookalike'
  | 'query_separator'
  | 'query_duplicate'
  | 'query_lookalike'
  | 'query_method'
  | 'query_headers'

/** The refusal itself, for those who find ambiguity where only they can see it (constrained query keys). */
export function ambiguous(rule: TargetRule, detail?: string) {
  return targetProblem('target_ambiguous', { facts: { rule }, ...(detail === undefined ? {} : { detail }) })
}

/** The rule that a character breaks which no target holds raw. */
export function badCharacter(code: number): TargetRule {
  if (code === 0x5c) return 'backslash'
  if (code === 0x23) return 'fragment'
  if (code < 0x20 || code === 0x7f) return 'control_byte'
  return code > 0x7f ? 'non_ascii' : 'character'
}
