/** Where the worker is: a proxy may serve it below a path. This file is in `static/`, one level below. */

export const ROOT = new URL("..", import.meta.url).pathname;
