/** The promise of calls that are sent for an agent once there is a yes: data only. */
import { z } from 'zod'
import { problemsOf } from '../../ground/problem.ts'

/**
 * `waits` for the yes · `sending` · `answered`: the answer is kept · `not_sent`: nothing left the gateway · `failed`: it was sent, or
 * may have been, and there is no answer · `forgotten`: the answer was kept for its time.
 */
export const LATER_STATES = ['waits', 'sending', 'answered', 'not_sent', 'failed', 'forgotten'] as const

export const LaterView = z.object({
  state: z.enum(LATER_STATES),
  /** Why it was not sent, or failed: code of a problem. */
  code: z.string().optional(),
  at: z.string().optional(),
})

/** What is remembered of a call that is to be sent. */
export interface Later {
  readonly state: (typeof LATER_STATES)[number]
  /** Id of the agent's token that asked for it: it must be good when the call goes out. */
  readonly token: string
  readonly rid?: string | undefined
  readonly code?: string | undefined
  /** When it was over. */
  readonly at?: number | undefined
}

/** The service's answer, as its caller would have got it. Names and values of `headers` by turns. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** What an answer may weigh to be kept, bytes. */
export const MOST_ANSWER = 1024 * 1024

export const AnswerView = z.object({
  status: z.int(),
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  bytes: z.int(),
  base64: z.string(),
  at: z.string(),
})

export const laterProblems = {
  answer_not_yet: { status: 404, title: 'There is no answer yet', hint: 'Ask again, or listen to the events.' },
  answer_none: {
    status: 404,
    title: 'There is no answer of a service to this approval, and none will come',
    hint: '`sending` of the approval says what became of it; only calls with Prefer: respond-async are sent by the gateway.',
  },
  answer_beyond_scope: {
    status: 403,
    title: 'The scope of this token may leave the call out',
    hint: 'Ask with the API key of the agent that made the call.',
  },
  answer_forgotten: {
    status: 410,
    title: 'The answer is not kept any more',
    hint: 'Answers are kept for a day, and the newest 32 of an agent.',
  },
} as const

export const laterProblem = problemsOf(laterProblems)
