/**
 * Server: an app over HTTP, for programs and people on this machine. It alone knows HTTP's status codes. Three words to know:
 * *problem* (an error as clients see it), *stream* (here: server-sent events), *dashboard* (the page at `/ui/`).
 */
export { type RunningServer, type ServerOptions, startServer } from './server.ts';
