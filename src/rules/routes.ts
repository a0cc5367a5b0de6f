import { z } from 'zod'
import type { AgentId, ServiceId } from '../ground/ids.ts'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import { type RuleDefinition, RuleEffect, RuleInput, RuleView, ruleProblems } from './contract.ts'
import { DryRunReport } from './dry-run.ts'
import type { Rules } from './rules.ts'
import type { RuleRecord } from './store.ts'

const NameParam = z.strictObject({ name: z.string().min(1).max(128) })

export const listRules = endpoint({
  method: 'GET',
  path: '/claviger/v1/rules',
  caller: 'operator',
  summary: 'List rules, and what holds where none is about a call',
  reply: z.object({ items: z.array(RuleView), default: RuleEffect }),
})

export const showRule = endpoint({
  method: 'GET',
  path: '/claviger/v1/rules/{name}',
  caller: 'operator',
  summary: 'One rule, by name or id',
  params: NameParam,
  reply: RuleView,
  problems: ruleProblems,
})

export const addRule = endpoint({
  method: 'POST',
  path: '/claviger/v1/rules',
  caller: 'operator',
  summary: 'Add a rule; calls from then on are judged by it',
  body: RuleInput,
  reply: RuleView,
  status: 201,
  problems: ruleProblems,
})

export const replaceRule = endpoint({
  method: 'PUT',
  path: '/claviger/v1/rules/{name}',
  caller: 'operator',
  summary:
    'Put another in the place of a rule; its version is raised, and approvals that wait for the old one do not fit',
  params: NameParam,
  body: RuleInput,
  reply: RuleView,
  problems: ruleProblems,
})

export const removeRule = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/rules/{name}',
  caller: 'operator',
  summary: 'Remove a rule; one that is not believed any more goes by its id',
  params: NameParam,
  reply: Done,
  problems: ruleProblems,
})

export const setRuleDefault = endpoint({
  method: 'PUT',
  path: '/claviger/v1/rule-default',
  caller: 'operator',
  summary: 'Say what holds for a call that no rule is about',
  body: z.strictObject({ effect: RuleEffect }),
  reply: z.object({ effect: RuleEffect }),
})

export const testRule = endpoint({
  method: 'POST',
  path: '/claviger/v1/rule-test',
  caller: 'operator',
  role: 'auditor',
  summary: 'Try a rule on the calls of the last days, as they are on record; it is not added',
  body: z.strictObject({ rule: RuleInput, days: z.int().min(1).max(90).default(7) }),
  reply: DryRunReport,
  problems: ruleProblems,
})

const ExplainAsked = z.strictObject({
  agent: z.string().min(1).max(128),
  service: z.string().min(1).max(128),
  method: z.string().min(1).max(32),
  path: z.string().min(1).max(8_192),
  query: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  body: z.json().optional(),
})
export type ExplainAsked = z.output<typeof ExplainAsked>

const ExplainReply = z.object({
  /** `needs_body`: that depends on a body that was not described. `none`: no rule is about it. */
  effect: z.enum(['none', 'allow', 'ask', 'deny', 'needs_body']),
  default: RuleEffect,
  terms: z.object({ assurance: z.string(), lifeSeconds: z.int(), uses: z.int() }).optional(),
  rules: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      version: z.int(),
      effect: RuleEffect,
      about: z.enum(['yes', 'no', 'unknown', 'needs_body']),
      /** Part of the rule → whether the call is that. */
      parts: z.record(z.string(), z.string()),
    }),
  ),
})
export type ExplainReply = z.input<typeof ExplainReply>

export const explainRules = endpoint({
  method: 'POST',
  path: '/claviger/v1/rule-explain',
  caller: 'operator',
  role: 'auditor',
  summary: 'Say for a described call which rules are about it, and why',
  body: ExplainAsked,
  reply: ExplainReply,
  problems: ruleProblems,
})

/** What the endpoints need from other rooms: names to ids and back, what is on record, what a call is. */
export interface RuleRouteNeeds<Who> {
  readonly rules: Rules
  readonly actorOf: (who: Who) => Actor
  agentOf(nameOrId: string): AgentId
  agentName(id: AgentId): string | undefined
  serviceOf(nameOrId: string): ServiceId
  serviceName(id: ServiceId): string | undefined
  dryRun(definition: RuleDefinition, days: number): Promise<DryRunReport>
  explain(asked: ExplainAsked): ExplainReply
}

export function ruleRoutes<Who>(needs: RuleRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const { rules, actorOf } = needs
  const view = (record: RuleRecord) => viewOf(record, needs)
  const read = (input: RuleDefinition) => withIds(input, needs)
  return [
    bind(listRules, () => ({ items: rules.list().map(view), default: rules.byDefault })),
    bind(showRule, ({ params }) => view(rules.find(params.name))),
    bind(addRule, async ({ body, caller }) => view(await rules.add(read(body), actorOf(caller as Who)))),
    bind(replaceRule, async ({ params, body, caller }) =>
      view(await rules.replace(params.name, read(body), actorOf(caller as Who))),
    ),
    bind(removeRule, async ({ params, caller }) => {
      await rules.remove(params.name, actorOf(caller as Who))
      return done
    }),
    bind(setRuleDefault, async ({ body: { effect }, caller }) => {
      await rules.setDefault(effect, actorOf(caller as Who))
      return { effect }
    }),
    bind(testRule, ({ body: { rule, days } }) => needs.dryRun(read(rule), days)),
    bind(explainRules, ({ body }) => needs.explain(body)),
  ]
}

type Names<Who> = Pick<RuleRouteNeeds<Who>, 'agentOf' | 'agentName' | 'serviceOf' | 'serviceName'>

/** Names stand for who bears them now: whoever takes a name later is another. */
function withIds<Who>(definition: RuleDefinition, names: Names<Who>): RuleDefinition {
  const { agents, services, ...match } = definition.match
  return {
    ...definition,
    match: {
      ...match,
      ...(agents && { agents: agents.map((one) => names.agentOf(one)) }),
      ...(services && { services: services.map((one) => names.serviceOf(one)) }),
    },
  }
}

function viewOf<Who>({ id, version, definition, createdAt, updatedAt }: RuleRecord, names: Names<Who>): RuleView {
  const { agents, services, ...match } = definition.match
  const shown = {
    ...(agents && { agents: agents.map((one) => names.agentName(one as AgentId) ?? one) }),
    ...(services && { services: services.map((one) => names.serviceName(one as ServiceId) ?? one) }),
    ...match,
  }
  return { id, version, ...definition, match: shown, createdAt, updatedAt }
}
