export { value } from '../sdk/src/a.ts'
