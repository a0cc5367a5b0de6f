import { z } from 'zod'
import type { AnyEndpoint } from './endpoint.ts'
import { httpProblems } from './problems.ts'

/** An OpenAPI 3.1 document of the endpoints: the same schemas that validate, turned into JSON Schema 2020-12. */
export function openApi(endpoints: readonly AnyEndpoint[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of [...endpoints].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))) {
    const item = paths[endpoint.path] ?? {}
    paths[endpoint.path] = item
    // One path may serve an agent and an operator on different listeners; OpenAPI has one slot, so the summaries share it.
    const method = endpoint.method.toLowerCase()
    const before = item[method] as { summary: string } | undefined
    item[method] =
      before === undefined ? operation(endpoint) : { ...before, summary: `${before.summary} / ${endpoint.summary}` }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Claviger', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      securitySchemes: {
        agent: { type: 'http', scheme: 'bearer', description: 'An agent token, on the agent listener' },
        service: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key of a relying service (svc_…), on the agent listener',
        },
        operator: {
          type: 'http',
          scheme: 'bearer',
          description: 'The operator token, on $CLAVIGER_HOME/operator.sock and the operators’ listener',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-clv',
          description: 'A session of the operators’ listener; the header claviger-csrf goes with it',
        },
      },
      responses: { Problem: problemResponse() },
    },
  }
}

function operation(endpoint: AnyEndpoint): object {
  const codes = Object.entries({ ...endpoint.problems }).map(([code, type]) => `\`${code}\` (${type.status})`)
  return {
    summary: endpoint.summary,
    ...(codes.length > 0 && { description: `Problems: ${codes.join(', ')}` }),
    'x-claviger-caller': endpoint.caller,
    ...securityOf(endpoint),
    parameters: [...parameters(endpoint.params, 'path'), ...parameters(endpoint.query, 'query')],
    ...(endpoint.body !== undefined && { requestBody: { required: true, content: bodyContent(endpoint) } }),
    responses: {
      [String(endpoint.status ?? 200)]: { description: 'Done', content: replyContent(endpoint) },
      default:
        endpoint.wording === undefined
          ? { $ref: '#/components/responses/Problem' }
          : { description: 'A refusal in the words of the standard or contract that the endpoint follows' },
    },
  }
}

/** Nothing where nobody is asked for, or proves it by the body. */
function securityOf({ caller, whileSealed }: AnyEndpoint): object {
  if (caller === 'anyone' || caller === 'person' || whileSealed !== undefined) return {}
  return { security: [{ [caller]: [] }, ...(caller === 'operator' ? [{ session: [] }] : [])] }
}

function replyContent({ text, reply, stream }: AnyEndpoint): object {
  if (stream === true) return { 'text/event-stream': { schema: jsonSchema(reply, 'output') } }
  return text === undefined ? json(reply, 'output') : { [`text/${text}`]: { schema: { type: 'string' } } }
}

function bodyContent({ body, form }: AnyEndpoint): object {
  return form === true
    ? { 'application/x-www-form-urlencoded': { schema: jsonSchema(body, 'input') } }
    : json(body, 'input')
}

function json(schema: z.ZodType, io: 'input' | 'output'): object {
  return { 'application/json': { schema: jsonSchema(schema, io) } }
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>
  return rest
}

function parameters(schema: z.ZodType | undefined, where: 'path' | 'query'): object[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, object>
    required?: string[]
  }
  return Object.entries(properties).map(([name, shape]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: shape,
  }))
}

function problemResponse(): object {
  return {
    description: `A promised failure (RFC 9457). Codes of every endpoint: ${Object.keys(httpProblems).join(', ')}`,
    content: {
      'application/problem+json': {
        schema: {
          type: 'object',
          required: ['type', 'title', 'status', 'code'],
          properties: {
            type: { type: 'string', description: 'urn:claviger:problem:<code>' },
            title: { type: 'string' },
            status: { type: 'integer' },
            code: { type: 'string', description: 'Permanent' },
            detail: { type: 'string' },
            hint: { type: 'string', description: 'What would make the call pass' },
            requestId: { type: 'string' },
          },
        },
      },
    },
  }
}
