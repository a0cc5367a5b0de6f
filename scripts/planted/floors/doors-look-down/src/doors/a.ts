export { value } from '../settings.ts'
