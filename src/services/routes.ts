import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import { Done, done, listOf, NameParam } from '../http/shapes.ts'
import type { Actor } from '../storage/storage.ts'
import { type Service, ServiceInput, ServiceView, serviceProblems } from './contract.ts'
import { serviceTemplateRoutes } from './template-routes.ts'

export const listServices = endpoint({
  method: 'GET',
  path: '/claviger/v1/services',
  caller: 'operator',
  summary: 'List services',
  reply: listOf(ServiceView),
})

export const addService = endpoint({
  method: 'POST',
  path: '/claviger/v1/services',
  caller: 'operator',
  summary: 'Describe an upstream API, from a template or from nothing',
  body: ServiceInput,
  reply: ServiceView,
  status: 201,
  problems: serviceProblems,
})

export const showService = endpoint({
  method: 'GET',
  path: '/claviger/v1/services/{name}',
  caller: 'operator',
  summary: 'Show a service and the scopes that mean something on it',
  params: NameParam,
  reply: ServiceView.extend({ scopes: z.array(z.string()) }),
  problems: serviceProblems,
})

export const replaceService = endpoint({
  method: 'PUT',
  path: '/claviger/v1/services/{name}',
  caller: 'operator',
  summary: 'Describe a service anew; its credentials are sealed again for its new origins',
  params: NameParam,
  body: ServiceInput,
  reply: ServiceView,
  problems: serviceProblems,
})

/** How many of what hung on it went with it. */
const RemovedService = Done.extend({ grants: z.int(), credentials: z.int() })

export const removeService = endpoint({
  method: 'DELETE',
  path: '/claviger/v1/services/{name}',
  caller: 'operator',
  summary: 'Remove a service, and with it its grants and credentials',
  params: NameParam,
  reply: RemovedService,
  problems: serviceProblems,
})

/** What the endpoints do; replacing and removing touch other rooms too, so the house brings those. */
export interface ServiceRouteNeeds<Who> {
  readonly actorOf: (who: Who) => Actor
  list(): readonly Service[]
  find(nameOrId: string): Service
  add(input: z.output<typeof ServiceInput>, by: Actor): Promise<Service>
  replace(nameOrId: string, input: z.output<typeof ServiceInput>, by: Actor): Promise<Service>
  remove(nameOrId: string, by: Actor): Promise<{ grants: number; credentials: number }>
}

export function serviceRoutes<Who>(needs: ServiceRouteNeeds<Who>): BoundEndpoint<Who>[] {
  const by = (caller: unknown) => needs.actorOf(caller as Who)
  return [
    bind(listServices, () => ({ items: needs.list().map((service) => service.view) })),
    bind(addService, async ({ body, caller }) => (await needs.add(body, by(caller))).view),
    bind(showService, ({ params }) => {
      const service = needs.find(params.name)
      return { ...service.view, scopes: [...service.scopes()] }
    }),
    bind(replaceService, async ({ params, body, caller }) => (await needs.replace(params.name, body, by(caller))).view),
    bind(removeService, async ({ params, caller }) => ({ ...done, ...(await needs.remove(params.name, by(caller))) })),
    ...serviceTemplateRoutes<Who>((name) => needs.find(name)),
  ]
}
